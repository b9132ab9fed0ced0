"""Namespaces: what every one of them is given, and how one empties itself before it goes."""

from __future__ import annotations

from collections.abc import Iterable

from migrate.doors.cluster import Verb, Write
from migrate.errors import AlreadyExists, NotFound
from migrate.model.objects import Object, dig, name_of
from migrate.simulation.controllers.context import Context
from migrate.simulation.controllers.view import Event, Key, Kinds

ROOT_CA = "kube-root-ca.crt"


class Namespaces:
    """Makes the default ServiceAccount and the root certificate; deletes the contents of a terminating namespace."""

    name = "namespaces"
    watches = None  # the last of a namespace may be of any kind

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """Namespaces themselves, and the one where something of theirs, or the last of its contents, went."""
        del ctx
        if event.plural == "namespaces" and not event.group:
            return () if event.deleted else (event.key,)
        return (Key("", event.namespace),) if event.deleted and event.namespace else ()

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Fill a living namespace, empty a dying one."""
        namespace = ctx.view.get(Kinds.namespaces, key.name)
        if namespace is None:
            return
        if namespace["metadata"].get("deletionTimestamp"):
            self._empty(namespace, ctx)
            return
        if ctx.view.get(Kinds.service_accounts, "default", key.name) is None:
            account = {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": "default", "namespace": key.name},
            }
            self._make(ctx, account)
        if ctx.view.get(Kinds.config_maps, ROOT_CA, key.name) is None:
            data = {"ca.crt": "-----BEGIN CERTIFICATE-----\nsimulated\n-----END CERTIFICATE-----\n"}
            bundle = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": ROOT_CA, "namespace": key.name}, "data": data}  # fmt: skip
            self._make(ctx, bundle)

    def _make(self, ctx: Context, obj: Object) -> None:
        what = Kinds.service_accounts if obj["kind"] == "ServiceAccount" else Kinds.config_maps
        try:
            ctx.create(what, obj)
        except AlreadyExists:
            return

    def _empty(self, namespace: Object, ctx: Context) -> None:
        name = name_of(namespace)
        left = False
        for what in ctx.cluster.resources():
            if not what.namespaced or "delete" not in what.verbs or "list" not in what.verbs:
                continue
            for obj in ctx.view.list(what, name):
                left = True
                if not obj["metadata"].get("deletionTimestamp"):
                    try:
                        ctx.delete(what, obj)
                    except NotFound:
                        continue
        if not left and dig(namespace, "spec", "finalizers"):
            body = {**namespace, "spec": {**namespace["spec"], "finalizers": []}}
            ctx.cluster.write(Write(Verb.REPLACE, Kinds.namespaces, name, body=body, subresource="finalize"))

"""Claims to volumes: bound to one that fits, or provisioned; kept while a pod uses them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from migrate.errors import AlreadyExists
from migrate.model.objects import Object, annotations_of, dig, name_of
from migrate.model.quantity import quantity
from migrate.simulation.controllers.context import Context, watching
from migrate.simulation.controllers.scheduler import SELECTED_NODE
from migrate.simulation.controllers.view import Event, Key, Kinds

PROTECTION = "kubernetes.io/pvc-protection"
_VOLUME_PROTECTION = "kubernetes.io/pv-protection"
_STATIC = "kubernetes.io/no-provisioner"
_PROVISIONER = "volume.kubernetes.io/storage-provisioner"


class Claims:
    """Binds PersistentVolumeClaims; waits for the first consumer where the class says so."""

    name = "claims"
    watches = watching(Kinds.claims, Kinds.pods, Kinds.volumes, Kinds.storage_classes)

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """Claims themselves, those of a pod that changed, and all unbound ones when a volume or class changed."""
        if event.plural == "persistentvolumeclaims":
            return () if event.deleted else (event.key,)
        if event.plural == "pods":
            if '"persistentVolumeClaim":' not in event.text:
                return ()
            claims = [
                volume["persistentVolumeClaim"]["claimName"]
                for volume in event.obj["spec"].get("volumes") or ()
                if volume.get("persistentVolumeClaim")
            ]
            return [Key(event.namespace, name) for name in claims]
        return [
            Key(obj["metadata"]["namespace"], name_of(obj))
            for obj in ctx.view.list(Kinds.claims)
            if dig(obj, "status", "phase") != "Bound"
        ]

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Bind one claim, or let it go when nobody uses it any more."""
        claim = ctx.view.get(Kinds.claims, key.name, key.namespace)
        if claim is None:
            return
        if claim["metadata"].get("deletionTimestamp"):
            self._let_go(claim, ctx)
            return
        name = claim["spec"].get("volumeName")
        volume = ctx.view.get(Kinds.volumes, name) if name else self._volume(claim, ctx)
        if volume is None:
            if dig(claim, "status", "phase") not in {"Pending", "Lost"} or (name and dig(claim, "status", "phase") == "Bound"):  # fmt: skip
                ctx.status(Kinds.claims, claim, {"phase": "Lost" if name else "Pending"})
            return
        self._bind(claim, volume, ctx)

    def _volume(self, claim: Object, ctx: Context) -> Object | None:
        """A volume for an unbound claim: one that is there, or a new one where its class provisions."""
        wanted = claim["spec"].get("storageClassName") or ""
        for volume in ctx.view.list(Kinds.volumes):
            if _fits(volume, claim, wanted):
                return volume
        found = ctx.view.get(Kinds.storage_classes, wanted) if wanted else None
        if found is None or found.get("provisioner") == _STATIC:
            return None
        if found.get("volumeBindingMode") == "WaitForFirstConsumer" and SELECTED_NODE not in annotations_of(
            claim
        ):
            return None
        return self._provision(claim, found, ctx)

    def _provision(self, claim: Object, found: Object, ctx: Context) -> Object:
        name = f"pvc-{claim['metadata']['uid']}"
        made = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {
                "name": name,
                "annotations": {"pv.kubernetes.io/provisioned-by": found["provisioner"]},
            },
            "spec": {
                "accessModes": claim["spec"]["accessModes"],
                "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
                "claimRef": _reference(claim),
                "csi": {"driver": found["provisioner"], "volumeHandle": name},
                "persistentVolumeReclaimPolicy": found.get("reclaimPolicy", "Delete"),
                "storageClassName": name_of(found),
                "volumeMode": claim["spec"].get("volumeMode", "Filesystem"),
            },
        }
        ctx.patch(Kinds.claims, claim, {"metadata": {"annotations": {_PROVISIONER: found["provisioner"]}}})
        try:
            return ctx.create(Kinds.volumes, made)
        except AlreadyExists:  # provisioned before, and cut off before it was bound
            return ctx.view.get(Kinds.volumes, name) or made

    def _bind(self, claim: Object, volume: Object, ctx: Context) -> None:
        reference = dig(volume, "spec", "claimRef", default=None) or {}
        uid = claim["metadata"]["uid"]
        ours = (reference.get("namespace"), reference.get("name")) == (
            claim["metadata"]["namespace"],
            name_of(claim),
        )
        if reference and (not ours or reference.get("uid", uid) != uid):
            return  # reserved for, or still held by, another claim
        if reference.get("uid") != uid:
            ctx.patch(Kinds.volumes, volume, {"spec": {"claimRef": _reference(claim)}})
        if dig(volume, "status", "phase") != "Bound":
            ctx.status(Kinds.volumes, volume, {"phase": "Bound"})
        if claim["spec"].get("volumeName") != name_of(volume) or "pv.kubernetes.io/bind-completed" not in annotations_of(claim):  # fmt: skip
            marks = {"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"}
            ctx.patch(
                Kinds.claims,
                claim,
                {"metadata": {"annotations": marks}, "spec": {"volumeName": name_of(volume)}},
            )
        told = {
            "phase": "Bound",
            "accessModes": volume["spec"]["accessModes"],
            "capacity": volume["spec"]["capacity"],
        }
        ctx.status(Kinds.claims, claim, told)

    def _let_go(self, claim: Object, ctx: Context) -> None:
        key = Key(claim["metadata"]["namespace"], name_of(claim))
        users = ctx.index.by_namespace.get(key.namespace, {}).values()
        if any(key.name in pod.claims and not pod.finished for pod in users):
            return
        rest = [item for item in claim["metadata"].get("finalizers") or () if item != PROTECTION]
        if len(rest) != len(claim["metadata"].get("finalizers") or ()):
            ctx.patch(Kinds.claims, claim, {"metadata": {"finalizers": rest or None}})


class Volumes:
    """Releases or removes volumes whose claims went."""

    name = "volumes"
    watches = watching(Kinds.volumes, Kinds.claims)

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """Volumes themselves, and the one of a claim that went."""
        del ctx
        if event.plural == "persistentvolumes":
            return () if event.deleted else (event.key,)
        name = event.obj["spec"].get("volumeName") if event.deleted else ""
        return (Key("", name),) if name else ()

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Tell a volume's phase; delete it when its claim is gone and it is not to be retained."""
        volume = ctx.view.get(Kinds.volumes, key.name)
        if volume is None:
            return
        if volume["metadata"].get("deletionTimestamp"):
            rest = [f for f in volume["metadata"].get("finalizers") or () if f != _VOLUME_PROTECTION]
            if dig(volume, "status", "phase") != "Bound" and rest != volume["metadata"].get("finalizers"):
                ctx.patch(Kinds.volumes, volume, {"metadata": {"finalizers": rest or None}})
            return
        reference = dig(volume, "spec", "claimRef", default=None)
        if not reference or not reference.get("uid"):
            ctx.status(Kinds.volumes, volume, {"phase": "Available"})
            return
        claim = ctx.view.get(Kinds.claims, reference["name"], reference["namespace"])
        if claim is None or claim["metadata"]["uid"] != reference["uid"]:
            ctx.status(Kinds.volumes, volume, {"phase": "Released"})
            if dig(volume, "spec", "persistentVolumeReclaimPolicy") == "Delete":
                ctx.delete(Kinds.volumes, volume)


def _fits(volume: Object, claim: Object, wanted: str) -> bool:
    spec, asked = volume["spec"], claim["spec"]
    reference = spec.get("claimRef")
    if reference:
        name = (reference.get("namespace"), reference.get("name"))
        return name == (claim["metadata"]["namespace"], name_of(claim)) and not reference.get("uid")
    return (
        (spec.get("storageClassName") or "") == wanted
        and dig(volume, "status", "phase") == "Available"
        and set(asked["accessModes"]) <= set(spec["accessModes"])
        and spec.get("volumeMode", "Filesystem") == asked.get("volumeMode", "Filesystem")
        and quantity(spec["capacity"]["storage"]) >= quantity(asked["resources"]["requests"]["storage"])
    )


def _reference(claim: Object) -> dict[str, Any]:
    metadata = claim["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }

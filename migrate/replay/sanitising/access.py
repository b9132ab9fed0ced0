"""What of accounts, tokens and roles, and of what the API server calls, only blue can have written."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from migrate.model.objects import Object, annotations_of, dig, group_of, kind_of, name_of
from migrate.replay import kinds
from migrate.replay.edits import changed, reduced, removed, without
from migrate.replay.kinds import Kind
from migrate.replay.sanitising.edit import Edit, Setting, edit
from migrate.replay.sanitising.everywhere import unapplied
from migrate.replay.tokens import TOKEN, made_name

_INJECTED = ("cert-manager.io/inject-apiserver-ca", "service.beta.openshift.io/inject-cabundle")
"""Annotations by which somebody writes the cluster's own authority into a caBundle: green's is another.

What cert-manager injects from a Certificate or a Secret is kept: the Secret moves, so that blue's bundle is right until
green's injector, which is held up to the cutover, writes the same one."""

_CLIENTS: Mapping[Kind, tuple[str, ...]] = {
    kinds.DEFINITION: ("spec", "conversion", "webhook", "clientConfig"),
    kinds.API_SERVICE: ("spec",),
}
"""Where a kind says whom the API server calls; webhook configurations say it in each webhook."""


def _listed(target: Object, _setting: Setting) -> Object:
    account, listed = name_of(target), target.get("secrets") or ()
    kept = [secret for secret in listed if not made_name(account, str(secret.get("name", "")))]
    return target if len(kept) == len(listed) else reduced(target, ("secrets",), kept)


def _token(target: Object, _setting: Setting) -> Object:
    if target.get("type") != TOKEN:
        return target
    # green's own controller fills these in; last-applied may repeat them
    target = unapplied(target)
    return reduced(target, ("data",), without(target.get("data") or {}, "token", "ca.crt", "namespace"))


def _aggregated(target: Object, _setting: Setting) -> Object:
    return without(target, "rules") if target.get("aggregationRule") else target


def _bundle(target: Object, _setting: Setting) -> Object:
    injected = any(key in annotations_of(target) for key in _INJECTED)
    path = _CLIENTS.get((group_of(target), kind_of(target)))
    if path is not None:
        found: Object = _unbundled(target, path, injected)
        return found
    hooks = ("webhooks",)
    return changed(target, hooks, lambda ws: [_unbundled(w, ("clientConfig",), injected) for w in ws or ()])


def _unbundled(part: Any, path: tuple[str, ...], injected: bool) -> Any:
    bundle = dig(part, *path, "caBundle")
    gone = bundle is not None and (injected or not _is_pem(bundle))
    return removed(part, *path, "caBundle") if gone else part


def _is_pem(bundle: str) -> bool:
    try:
        return b"-----BEGIN CERTIFICATE-----" in base64.b64decode(bundle, validate=True)
    except (binascii.Error, ValueError):
        return False


def _side_effects(target: Object, _setting: Setting) -> Object:
    return changed(target, ("webhooks",), lambda webhooks: [_none(w) for w in webhooks or ()])


def _none(webhook: Any) -> Any:
    told = webhook.get("sideEffects", "None") in {"None", "NoneOnDryRun"}
    return webhook if told else {**webhook, "sideEffects": "None"}


EDITS: tuple[Edit, ...] = (
    edit(
        "service-account.secrets",
        "`secrets` with names that a cluster gives to what it makes for an account; what else is listed stays",
        "names of tokens and registry credentials that blue made",
        kinds.SERVICE_ACCOUNT,
        change=_listed,
    ),
    edit(
        "secret.token",
        "`token`, `ca.crt` and `namespace` of a token made by hand, and last-applied, which may repeat them",
        "green's controller fills them in",
        kinds.SECRET,
        change=_token,
    ),
    edit(
        "cluster-role.aggregated",
        "`rules` of an aggregated ClusterRole",
        "green's controller gathers them",
        kinds.CLUSTER_ROLE,
        change=_aggregated,
    ),
    edit(
        "ca-bundle",
        "`caBundle` where somebody injects the cluster's own authority, or where it is no certificate",
        "green's authority is another, and a server serves no definition whose bundle it cannot read",
        kinds.DEFINITION,
        kinds.API_SERVICE,
        kinds.MUTATING_WEBHOOKS,
        kinds.VALIDATING_WEBHOOKS,
        change=_bundle,
    ),
    edit(
        "webhook.side-effects",
        "`sideEffects` other than None and NoneOnDryRun become None",
        "admissionregistration.k8s.io/v1 takes no other",
        kinds.MUTATING_WEBHOOKS,
        kinds.VALIDATING_WEBHOOKS,
        change=_side_effects,
    ),
)

"""KEYS: Secrets that stay on blue, and without which what moves is of no use on green."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from migrate.assess.families import Code, Situation
from migrate.assess.wording import few
from migrate.assess.workloads import deployments, image_of
from migrate.model.facts import Finding, Severity
from migrate.model.groups import BUILT_IN_GROUPS
from migrate.model.objects import Object, Ref, dig, kind_of, labels_of, name_of, namespace_of, ref_of
from migrate.replay.arguments import flag

LEFT = Code(
    "KEYS-001",
    Severity.WARNING,
    "keys of what moves stay on blue",
    "SealedSecrets that move are opened by the keys of their controller (Secrets with the label "
    "sealedsecrets.bitnami.com/sealed-secrets-key), and custom resources that move name Secrets: cert-manager's issuers "
    "an account key or an authority (a ClusterIssuer's are in the namespace of `--cluster-resource-namespace`), "
    "external-secrets' stores and Crossplane's providers their credentials, Flux what it decrypts with. Named are those "
    "Secrets of blue that do not move, as their namespace is left out or a rule skips them, and that green has not.",
    "On green a SealedSecret is not opened, an issuer registers a new account or has no authority, a store reads "
    "nothing; the Secrets that they would make are missing, and with them the pods that need those.",
    "Carry them over by rules in workloads.rules, which come before the rule of the namespace.",
)
CODES = (LEFT,)

SEALING = "sealedsecrets.bitnami.com/sealed-secrets-key"
"""Label of the keys of Sealed Secrets' controller; source: its documentation, "bring your own certificates"."""

_ISSUER = ("cert-manager.io", "ClusterIssuer")


class Needed(NamedTuple):
    """A Secret that is needed, and by what."""

    secret: Ref
    by: str


def find(situation: Situation) -> Iterator[Finding]:
    """Name the keys, with a rule for each to be pasted."""
    sealing = [n for n in _sealing(situation) if _left(situation, n.secret)]
    named = [n for n in _named(situation) if _left(situation, n.secret)]
    if not sealing and not named:
        return
    said = few((f"{n.secret.namespace}/{n.secret.name} for {n.by}" for n in [*sealing, *named]), 10)
    lines = [_sealing_rule(space) for space in sorted({n.secret.namespace for n in sealing})]
    lines += [_rule(secret) for secret in sorted({n.secret for n in named})]
    restart = " The controller on green reads its keys as it starts: restart it then." if sealing else ""
    yield LEFT.found(said, remedy=f"{LEFT.remedy}{restart} rules: [{', '.join(lines)}]")


def _left(situation: Situation, secret: Ref) -> bool:
    """Whether blue has a Secret that does not move, and that green has not."""
    found = situation.blue_inventory.find(secret)
    green = situation.green_inventory
    return found is not None and not situation.moves(found) and (green is None or green.find(secret) is None)


def _sealing(situation: Situation) -> Iterator[Needed]:
    if any(situation.moving("SealedSecret", "bitnami.com")):
        for secret in situation.blue_inventory.of("Secret"):
            if SEALING in labels_of(secret):
                yield Needed(ref_of(secret), "SealedSecrets")


def _named(situation: Situation) -> Iterator[Needed]:
    """The Secrets that custom resources which move name, in their own namespace unless they say another."""
    for resource, obj in situation.blue_inventory:
        if resource.group in BUILT_IN_GROUPS or not situation.moves(obj):
            continue
        space = namespace_of(obj)
        if ref_of(obj)[:2] == _ISSUER:
            space = _of_issuers(situation)
        for name, other in _references(obj.get("spec")):
            yield Needed(Ref("", "Secret", other or space, name), f"{kind_of(obj)} {name_of(obj)}")


def _references(value: Any) -> Iterator[tuple[str, str]]:
    """Name and namespace of each Secret that a specification names, in the ways of these APIs."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if str(key).lower().endswith("secretref") and isinstance(dig(item, "name"), str):
                yield item["name"], str(item.get("namespace") or "")
            elif key == "ca" and isinstance(dig(item, "secretName"), str):  # cert-manager's authority
                yield item["secretName"], ""
            else:
                yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _of_issuers(situation: Situation) -> str:
    """The namespace of a ClusterIssuer's Secrets; source: cert-manager, "cluster resource namespace"."""
    for deployment in deployments(situation.blue_inventory):
        for container in _controllers(deployment):
            said = flag(container, "cluster-resource-namespace") or ""
            return said if said and "$(" not in said else namespace_of(deployment)
    return "cert-manager"


def _controllers(deployment: Object) -> Iterator[Mapping[str, Any]]:
    for container in dig(deployment, "spec", "template", "spec", "containers") or ():
        if image_of(container).path.endswith("cert-manager-controller"):
            yield container


def _sealing_rule(namespace: str) -> str:
    labels = f'labels: {{{SEALING}: "*"}}'
    return f"{{kind: Secret, namespace: {namespace}, {labels}, replay: true, reason: opens SealedSecrets}}"


def _rule(secret: Ref) -> str:
    return (
        f"{{kind: Secret, namespace: {secret.namespace}, name: {secret.name}, replay: true, "
        "reason: needed by what moves}"
    )

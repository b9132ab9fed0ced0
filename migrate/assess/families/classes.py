"""CLASS: storage and ingress classes that workloads name and green lacks."""

from __future__ import annotations

from collections.abc import Iterator

from migrate.assess.facts import classes, is_default
from migrate.assess.families import Code, Situation
from migrate.assess.wording import count, few
from migrate.assess.workloads import WORKLOADS, pod_spec, title
from migrate.model.facts import Finding, Severity
from migrate.model.objects import Object, Ref, annotations_of, controller_of, dig, name_of, namespace_of
from migrate.replay.storage_classes import OLD_CLASS, renamed_classes

STORAGE = Code(
    "CLASS-001",
    Severity.BLOCKER,
    "a storage class is missing on green",
    "The classes that PersistentVolumeClaims and StatefulSets' claim templates and pods' ephemeral volumes name are looked up on green. The class "
    "object alone is not enough: its provisioner must run there. Classes that a rule in workloads.rules replays or "
    "skips are left to that rule.",
    "Claims of that class stay Pending on green, and every pod that mounts them with it.",
    "Install the provisioner and the class on green, under the same name, or say under workloads.storageClasses which class takes its place. If the provisioner is there and only the object "
    "is missing, write a rule: {kind: StorageClass, group: storage.k8s.io, name: NAME, replay: true, reason: ...}.",
)
INGRESS = Code(
    "CLASS-002",
    Severity.BLOCKER,
    "an ingress class is missing on green",
    "The classes that Ingresses name are looked up on green; so is the class of the old annotation "
    "kubernetes.io/ingress.class, where blue has a class of that name.",
    "No controller on green serves those Ingresses: their hosts answer nothing after the cutover.",
    "Install the ingress controller on green under the same class name. If it moves with the workloads, write a rule: "
    "{kind: IngressClass, group: networking.k8s.io, name: NAME, replay: true, reason: ...}.",
)
DEFAULT = Code(
    "CLASS-003",
    Severity.WARNING,
    "claims rely on a default storage class, and green has none",
    "A claim without storageClassName gets the default class when it is created, and keeps no trace of having done so "
    "only where it was never bound.",
    "Such claims stay Pending on green.",
    "Mark a storage class of green as the default one, or name a class in the claims.",
)
ANNOTATED = Code(
    "CLASS-004",
    Severity.WARNING,
    "Ingresses name their class by the old annotation only",
    "kubernetes.io/ingress.class is read by the controller alone; no IngressClass of that name exists on blue, so whether "
    "a controller for it runs on green cannot be seen through the API.",
    "If no controller on green watches for that annotation, the hosts answer nothing after the cutover.",
    "Check that green's ingress controller is started with that class, or set spec.ingressClassName.",
)
CODES = (STORAGE, INGRESS, DEFAULT, ANNOTATED)
_OLD_INGRESS = "kubernetes.io/ingress.class"


def find(situation: Situation) -> Iterator[Finding]:
    """Look up on green the classes that what moves names."""
    inventory = situation.green_inventory
    if inventory is None:
        return
    wanted, defaulted = _storage_wanted(situation)
    there = classes(inventory, "storage")
    missing = {n: u for n, u in wanted.items() if n not in there and not _ruled(situation, "StorageClass", n)}
    if missing:
        yield STORAGE.found(_said(missing))
    if defaulted and not any(is_default(c, "storage") for c in there.values()):
        yield DEFAULT.found(few(defaulted))
    yield from _ingress(situation, classes(inventory, "ingress"))


def _ingress(situation: Situation, there: dict[str, Object]) -> Iterator[Finding]:
    wanted: dict[str, list[str]] = {}
    annotated: dict[str, list[str]] = {}
    at_blue = classes(situation.blue_inventory, "ingress")
    for group in ("networking.k8s.io", "extensions"):
        for ingress in situation.moving("Ingress", group):
            named = dig(ingress, "spec", "ingressClassName", default="")
            old = annotations_of(ingress).get(_OLD_INGRESS, "")
            if named or old in at_blue:
                wanted.setdefault(named or old, []).append(_title(ingress))
            elif old and old not in there:
                annotated.setdefault(old, []).append(_title(ingress))
    missing = {n: u for n, u in wanted.items() if n not in there and not _ruled(situation, "IngressClass", n)}
    if missing:
        yield INGRESS.found(_said(missing))
    if annotated:
        yield ANNOTATED.found(_said(annotated))


def _storage_wanted(situation: Situation) -> tuple[dict[str, list[str]], list[str]]:
    """The classes named, as they are called on green, with who names them; and who leaves it to the default class."""
    wanted: dict[str, list[str]] = {}
    defaulted: list[str] = []
    renamed = renamed_classes(situation.migration)
    claims = [(c, _title(c)) for c in situation.moving("PersistentVolumeClaim")]
    claims += [
        (template, f"StatefulSet {namespace_of(owner)}/{name_of(owner)}")
        for owner in situation.moving("StatefulSet", "apps")
        for template in dig(owner, "spec", "volumeClaimTemplates") or ()
    ]
    claims += [
        (template, title(owner))
        for kind, group in WORKLOADS
        for owner in situation.moving(kind, group)
        if controller_of(owner) is None
        for volume in pod_spec(owner).get("volumes") or ()
        if (template := dig(volume, "ephemeral", "volumeClaimTemplate"))
    ]
    for claim, who in claims:
        named = dig(claim, "spec", "storageClassName", default=annotations_of(claim).get(OLD_CLASS))
        if named:
            wanted.setdefault(renamed.get(named, named), []).append(who)
        elif named is None and not dig(claim, "spec", "volumeName"):
            defaulted.append(who)
    return wanted, defaulted


def _ruled(situation: Situation, kind: str, name: str) -> bool:
    """Whether the operator decided about a class; the word is theirs, with its reason."""
    group = "storage.k8s.io" if kind == "StorageClass" else "networking.k8s.io"
    word = situation.word_on(Ref(group, kind, "", name))
    return word is not None and (word.replay or word.skip)


def _said(missing: dict[str, list[str]]) -> str:
    return "; ".join(
        f"{name}: named by {count(len(set(who)), 'object')} ({few(who, 3)})"
        for name, who in sorted(missing.items())
    )


def _title(obj: Object) -> str:
    return f"{obj.get('kind', '')} {namespace_of(obj)}/{name_of(obj)}"

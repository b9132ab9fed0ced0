"""Which workloads may run on both sides at once: serving, exclusive or unknown, each with its evidence.

One replica alone is no evidence; what nothing calls is unknown, because it is probably a worker.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from migrate.model.objects import Object, Ref, annotations_of, dig, labels_of, name_of, namespace_of, ref_of
from migrate.replay import kinds
from migrate.replay.blue import Blue
from migrate.replay.insiders import insider_of
from migrate.replay.operator import named, operator_rule, plain
from migrate.replay.pods import claims_of, of_template
from migrate.replay.storage import AWAITED, data_of, volume_moves
from migrate.replay.turns import Turn

SERVING = "serving"
EXCLUSIVE = "exclusive"
UNKNOWN = "unknown"

STANDS = "classed so when it was replayed"
"""The evidence of a class that holds from an earlier pass."""

LEADER_ANNOTATION = "control-plane.alpha.kubernetes.io/leader"
"""Where leader election kept its record before there were Leases: client-go, tools/leaderelection/resourcelock."""

_LEADER_ARGUMENT = re.compile(
    r"^-{1,2}(?:enable-)?leader-?elect(?:ion)?(?:-enabled)?(?:=(?P<value>.*))?$", re.IGNORECASE
)
_LEADER_VARIABLE = re.compile(r"(?:^|_)LEADER_?ELECT(?:ION)?(?:_ENABLED?)?$", re.IGNORECASE)
_METRICS = re.compile(r"(?:https?-)?(?:metrics|prometheus|prom)(?:-https?)?", re.IGNORECASE)
"""Names of ports that monitoring scrapes: `metrics`, `http-metrics`, `prometheus`; a custom, by no document fixed."""

_NO = frozenset({"false", "0", "no", "off", "disabled"})

OUTSIDE: tuple[tuple[str, Turn, re.Pattern[str]], ...] = tuple(
    (what, turn, re.compile(rf"(?:^|/){pattern}(?:[:@]|$)"))
    for what, turn, pattern in (
        ("external-dns writes DNS records", Turn.NAMES, r"external-dns"),
        (
            "cert-manager orders certificates",
            Turn.NAMES,
            r"cert-manager-(?:controller|acmesolver)",
        ),
        ("cluster-autoscaler changes machines", Turn.LAST, r"cluster-autoscaler[^/:@]*"),
        ("Karpenter changes machines", Turn.LAST, r"karpenter(?:/controller)?"),
        ("descheduler evicts pods", Turn.LAST, r"descheduler"),
        ("Argo CD applies what Git holds", Turn.GITOPS, r"argo-?cd(?:-[^/:@]+)?"),
        (
            "Flux applies what Git holds",
            Turn.GITOPS,
            r"(?:source|kustomize|helm|notification|image-automation|image-reflector)-controller",
        ),
        ("a cloud controller changes the cloud", Turn.WAYS_IN, r"[^/:@]*cloud-controller-manager[^/:@]*"),
        ("a load balancer controller changes the cloud", Turn.WAYS_IN, r"aws-load-balancer-controller"),
        ("MetalLB announces addresses", Turn.WAYS_IN, r"(?:metallb/|metallb-)(?:controller|speaker)"),
        (
            "an announcer of addresses",
            Turn.WAYS_IN,
            r"(?:kube-vip|purelb/(?:allocator|lbnodeagent)|openelb(?:-[^/:@]+)?|kube-keepalived-vip)",
        ),
        ("Velero writes backups", Turn.LAST, r"velero"),
        ("a renewer of certificates", Turn.NAMES, r"certbot"),
    )
)
"""Controllers that act on the outside world, by the image's path without its registry, with their turn at the cutover."""


@dataclass(frozen=True, slots=True)
class Classified:
    """A workload's class; `evidence` lists what it rests on, `may_start` whether it may run before the cutover."""

    word: str
    evidence: tuple[str, ...]
    may_start: bool = False


class Classes:
    """The classes of blue's workloads, worked out on demand and once each."""

    def __init__(self, blue: Blue) -> None:
        self._blue = blue
        self._known: dict[Ref, Classified] = {}

    def of(self, obj: Object) -> Classified:
        """Classify a workload, a Pod or a Job."""
        ref = ref_of(obj)
        if ref not in self._known:
            self._known[ref] = self._as_before(ref, self._classify(ref, obj))
        return self._known[ref]

    def _as_before(self, ref: Ref, now: Classified) -> Classified:
        """The class that holds from before: stricter evidence lifts it, the lack of evidence in one moment does not."""
        before = self._blue.classed.get(ref, SERVING)
        if before == SERVING or now.word in {EXCLUSIVE, before}:
            return now
        return Classified(before, (STANDS, *now.evidence))

    def _classify(self, ref: Ref, obj: Object) -> Classified:
        """Weigh the evidence: the operator's words first, of which to hold is stronger than to start.

        What `workloads.start` names outright is started against evidence, and both are shown. A glob lifts nothing:
        it was not written with that one workload in mind.
        """
        pod = kinds.pod_of((ref.group, ref.kind), obj)
        start = self._blue.migration.workloads.start
        listed = not isinstance(start, str) and named(start, ref)
        outright = not isinstance(start, str) and named(filter(plain, start), ref)
        inside, leads = insider_of(pod), list(self._leads(ref, pod))
        words, data = list(self._word_of_operator(ref, obj)), list(self._data(obj, pod))
        volumes, leading = list(self._volumes(obj, pod)), [] if inside else leads
        others = [*_strategy(obj), *leading, *_acts_outside(pod)]
        if words or data or ((volumes or others) and not outright):
            return Classified(EXCLUSIVE, (*words, *volumes, *data, *others))
        selecting = self._blue.services_of(ref.namespace, labels_of(pod))
        # what runs on every node works for that node, and takes nothing from a queue
        everywhere = ref[:2] == kinds.DAEMON_SET
        services = [n for n in selecting if everywhere or not self._only_watched(n, ref.namespace)]
        if not (services or listed or inside):
            watched = [f"Service {name} has ports for metrics alone" for name in selecting[:3]]
            return Classified(UNKNOWN, tuple(watched or ("no Service selects it",)))
        evidence = [f"Service {name} selects it" for name in services[:3]]
        evidence += [inside.what] if inside else []
        evidence += ["workloads.start lists it"] * listed
        evidence += [f"against: {said}" for said in (*volumes, *others, *(leads if inside else ()))]
        return Classified(SERVING, tuple(evidence), may_start=listed or start == "serving")

    def _only_watched(self, service: str, namespace: str) -> bool:
        """Whether a Service is there for monitoring alone: who is scraped is called by nobody, as a queue's worker."""
        ports = dig(self._blue.inventory.named("Service", service, namespace), "spec", "ports") or ()
        return bool(ports) and all(_METRICS.fullmatch(str(port.get("name") or "")) for port in ports)

    def _word_of_operator(self, ref: Ref, obj: Object) -> Iterator[str]:
        if named(self._blue.migration.workloads.hold, ref):
            yield "workloads.hold names it"
        found = operator_rule(self._blue.migration, ref, labels_of(obj))
        if found and found[1].hold and not found[1].skip:
            yield f"{found[0]} holds it"

    def _volumes(self, obj: Object, pod: Object) -> Iterator[str]:
        for template in dig(obj, "spec", "volumeClaimTemplates", default=()):
            if _for_one(template):
                yield f"claim template {name_of(template)} is {_modes(template)}"
        for name in claims_of(pod):
            claim = self._blue.inventory.named("PersistentVolumeClaim", name, namespace_of(obj))
            if claim is None:
                yield f"claim {name} was not read, it may be ReadWriteOnce"
            elif _for_one(claim):
                yield f"claim {name} is {_modes(claim)}"
            elif _written(claim) and volume_moves(self._blue.migration, self._blue.inventory, claim):
                yield f"claim {name} is on a volume that both sides would write to"

    def _data(self, obj: Object, pod: Object) -> Iterator[str]:
        """What no word starts: before its data is there it serves an empty volume, and one volume is not for two."""
        coming = self._coming.get(namespace_of(obj), {})
        for template in dig(obj, "spec", "volumeClaimTemplates", default=()):
            for name, why in coming.items():
                if of_template(name, template, name_of(obj)):
                    yield f"claim {name}: {why}"
        yield from (f"claim {name}: {coming[name]}" for name in claims_of(pod) if name in coming)

    @cached_property
    def _coming(self) -> Mapping[str, Mapping[str, str]]:
        """By namespace, the claims whose data comes from blue, and how."""
        file, found = self._blue.migration, defaultdict[str, dict[str, str]](dict)
        awaited = any(data.as_ in AWAITED for data in file.workloads.volumes)
        moved = any(rule.replay for rule in file.workloads.rules)
        for claim in self._blue.inventory.of("PersistentVolumeClaim") if awaited or moved else ():
            ref = ref_of(claim)
            data = data_of(file, ref)
            if data is not None and data.as_ in AWAITED:
                found[ref.namespace][ref.name] = "its data is there only when the writers move"
            elif _for_one(claim) and volume_moves(file, self._blue.inventory, claim):
                found[ref.namespace][ref.name] = "its volume itself moves"
        return found

    def _leads(self, ref: Ref, pod: Object) -> Iterator[str]:
        yield from self._holders.get(ref, ())
        for container in dig(pod, "spec", "containers", default=()) or ():
            words = [*(container.get("command") or ()), *(container.get("args") or ())]
            for position, word in enumerate(words):
                match = _LEADER_ARGUMENT.match(str(word))
                value = (match["value"] or _following(words, position)) if match else "no"
                if value.lower() not in _NO:
                    yield f"argument {word}"
            for variable in container.get("env") or ():
                name, value = str(variable.get("name", "")), str(variable.get("value", ""))
                if _LEADER_VARIABLE.search(name) and value.lower() not in _NO | {""}:
                    yield f"variable {name}={value}"

    @cached_property
    def _holders(self) -> Mapping[Ref, Sequence[str]]:
        """The locks that pods of a workload hold, by the workload."""
        pods: dict[str, list[Object]] = defaultdict(list)
        for pod in self._blue.inventory.of("Pod"):
            pods[name_of(pod)].append(pod)
        found: dict[Ref, list[str]] = defaultdict(list)
        for lock, holder in _locks(self._blue):
            # client-go names a holder "<host name>_<uuid>", and a pod's host name is its name
            candidates = pods.get(holder) or pods.get(holder.partition("_")[0]) or []
            here = [pod for pod in candidates if namespace_of(pod) == lock.namespace]
            # a lock may be kept in another namespace, where names such as web-0 are not unique any more
            for pod in here or (candidates if len(candidates) == 1 else []):
                found[self._blue.top_of(ref_of(pod))].append(f"{name_of(pod)} holds {lock}")
        return found


def _locks(blue: Blue) -> Iterator[tuple[Ref, str]]:
    for lease in blue.inventory.of("Lease", "coordination.k8s.io"):
        holder = dig(lease, "spec", "holderIdentity")
        if holder and namespace_of(lease) != "kube-node-lease":
            yield ref_of(lease), str(holder)
    for kind in ("ConfigMap", "Endpoints"):
        for obj in blue.inventory.of(kind):
            record = annotations_of(obj).get(LEADER_ANNOTATION)
            if not record:
                continue
            try:
                holder = dig(json.loads(record), "holderIdentity")
            except ValueError:
                continue
            if holder:
                yield ref_of(obj), str(holder)


def _modes(claim: Any) -> str:
    return ", ".join(dig(claim, "spec", "accessModes", default=()) or ("without access modes",))


def _for_one(claim: Any) -> bool:
    modes = set(dig(claim, "spec", "accessModes", default=()) or ())
    return not modes & {"ReadWriteMany", "ReadOnlyMany"}


def _written(claim: Any) -> bool:
    """Whether who mounts a claim may write to it."""
    return set(dig(claim, "spec", "accessModes", default=()) or ()) != {"ReadOnlyMany"}


def _strategy(obj: Object) -> Iterator[str]:
    if dig(obj, "spec", "strategy", "type") == "Recreate":
        yield "strategy Recreate"


def _following(words: Sequence[Any], position: int) -> str:
    """The value that stands as a word of its own after a flag; "true" for a flag alone."""
    after = str(words[position + 1]) if position + 1 < len(words) else ""
    return after if after.lower() in _NO else "true"


def _acts_outside(pod: Object) -> Iterator[str]:
    for container in dig(pod, "spec", "containers", default=()) or ():
        image = str(container.get("image", ""))
        for what, _, pattern in OUTSIDE:
            if pattern.search(image):
                yield what


def publishes(pod: Object) -> bool:
    """Whether a pod makes a DNS record of what it sees with a host and an address."""
    return any(what.startswith("external-dns") for what in _acts_outside(pod))


def outside_turn(pod: Object) -> Turn | None:
    """The turn of a pod that acts on the outside world: the latest of its containers; None where none does."""
    images = [
        str(container.get("image", "")) for container in dig(pod, "spec", "containers", default=()) or ()
    ]
    return max((turn for _, turn, pattern in OUTSIDE for i in images if pattern.search(i)), default=None)

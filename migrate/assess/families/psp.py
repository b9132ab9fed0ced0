"""PSP: PodSecurityPolicies of blue, which no newer server has, and the labels that take their place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from migrate.assess.families import Code, Situation
from migrate.assess.pod_security import LABEL, Level, level_of
from migrate.assess.wording import few
from migrate.assess.workloads import title
from migrate.model.facts import Finding, Severity
from migrate.model.objects import Object, controller_of, dig, labels_of, name_of, namespace_of

REPLACED = Code(
    "PSP-001",
    Severity.WARNING,
    "PodSecurityPolicies do not move",
    "Blue has PodSecurityPolicies; Kubernetes 1.25 removed them, and the Pod Security labels of namespaces took their "
    "place. For each namespace that moves and has no such label, the strictest level is named that the pods of all its "
    "workloads meet (by Kubernetes' own checks, on the templates: what a policy filled in is not in those), with what "
    "keeps it from the next one.",
    "On green nothing refuses the pods that blue's policies refused, and nothing fills in what they filled in. Each "
    "policy needs a decision before the replay (decide.pod-security-policy, or green.not-served once green is there).",
    "Label blue's namespaces, as the labels move with them (a blue before 1.23 does not act on them), and skip the "
    "policies: {kind: PodSecurityPolicy, skip: true, reason: replaced by labels} in workloads.rules.",
)
CODES = (REPLACED,)

_TEMPLATES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Deployment", "apps", ("spec", "template")),
    ("StatefulSet", "apps", ("spec", "template")),
    ("DaemonSet", "apps", ("spec", "template")),
    ("ReplicaSet", "apps", ("spec", "template")),
    ("ReplicationController", "", ("spec", "template")),
    ("Job", "batch", ("spec", "template")),
    ("CronJob", "batch", ("spec", "jobTemplate", "spec", "template")),
    ("Pod", "", ()),
)
_STRICT = tuple(Level)
"""The levels from the strictest on."""


def find(situation: Situation) -> Iterator[Finding]:
    """Propose a label for every namespace with workloads, where blue's policies will not be on green."""
    policies = list(situation.moving("PodSecurityPolicy", "policy"))
    green = situation.green_inventory
    if not policies or (green is not None and green.resource("PodSecurityPolicy", "policy") is not None):
        return
    found = _levels(situation)
    said = [f"{namespace}: {level}{why}" for namespace, (level, why) in sorted(found.items())]
    named = f"{few(map(name_of, policies), 5)} on blue"
    commands = " && ".join(_commands(found))
    remedy = f"{REPLACED.remedy} First with --dry-run=server: {commands}" if commands else ""
    yield REPLACED.found("; ".join(filter(None, (named, few(said, 10)))), remedy=remedy)


def _levels(situation: Situation) -> Mapping[str, tuple[Level, str]]:
    """The strictest level that a namespace's workloads meet, and the first thing that keeps it from the next one."""
    labelled = {name_of(obj) for obj in situation.blue_inventory.of("Namespace") if LABEL in labels_of(obj)}
    found: dict[str, tuple[Level, str]] = {}
    for obj, pod in _pods(situation):
        level, broken = level_of(pod)
        before = found.get(namespace_of(obj))
        if namespace_of(obj) not in labelled and (
            before is None or _STRICT.index(level) > _STRICT.index(before[0])
        ):
            found[namespace_of(obj)] = level, _said(obj, broken)
    return found


def _said(obj: Object, broken: Sequence[str]) -> str:
    return f" ({title(obj)}: {', '.join(broken)})" if broken else ""


def _pods(situation: Situation) -> Iterator[tuple[Object, Object]]:
    """What moves and makes pods on green, with the pod as it makes it."""
    for kind, group, path in _TEMPLATES:
        for obj in situation.moving(kind, group):
            if controller_of(obj) is None:
                yield obj, (dig(obj, *path) or {}) if path else obj


def _commands(found: Mapping[str, tuple[Level, str]]) -> Iterator[str]:
    spaces: dict[Level, list[str]] = defaultdict(list)
    for namespace, (level, _) in sorted(found.items()):
        spaces[level].append(namespace)
    for level in _STRICT:
        if level in spaces:
            yield f"kubectl label namespace {' '.join(spaces[level])} {LABEL}={level}"

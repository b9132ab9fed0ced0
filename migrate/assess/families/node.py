"""NODE: workloads that no node of green fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from migrate.assess.families import Code, Situation
from migrate.assess.wording import count, few
from migrate.assess.workloads import pod_spec
from migrate.model.facts import Finding, Severity
from migrate.model.objects import Object, dig, kind_of, labels_of, name_of, namespace_of

SELECTOR = Code(
    "NODE-001",
    Severity.WARNING,
    "no node of green has the labels that workloads ask for",
    "nodeSelectors of workloads that move are compared with the labels of green's nodes. Affinities are not evaluated.",
    "Their pods stay Pending on green.",
    "Label green's nodes as blue's are, or change the selectors.",
)
TAINTED = Code(
    "NODE-002",
    Severity.WARNING,
    "nothing but tainted nodes on green",
    "Every node of green has a NoSchedule or NoExecute taint other than those of nodes that are starting.",
    "Only workloads that tolerate the taints run on green.",
    "Take the taint off the nodes that shall carry workloads.",
)
CODES = (SELECTOR, TAINTED)
_STARTING = "node.kubernetes.io/"
_WORKLOADS = (("Deployment", "apps"), ("StatefulSet", "apps"), ("DaemonSet", "apps"), ("CronJob", "batch"))


def find(situation: Situation) -> Iterator[Finding]:
    """Compare what workloads ask of nodes with green's nodes; nothing while green has none."""
    nodes = situation.green_inventory.of("Node") if situation.green_inventory is not None else ()
    if not nodes:
        return
    homeless: dict[str, list[str]] = {}
    for kind, group in _WORKLOADS:
        for obj in situation.moving(kind, group):
            selector: Mapping[str, str] = pod_spec(obj).get("nodeSelector") or {}
            if selector and not any(selector.items() <= labels_of(node).items() for node in nodes):
                wanted = ",".join(f"{k}={v}" for k, v in sorted(selector.items()))
                homeless.setdefault(wanted, []).append(f"{kind_of(obj)} {namespace_of(obj)}/{name_of(obj)}")
    if homeless:
        said = (
            f"{wanted}: {count(len(who), 'workload')} ({few(who, 3)})"
            for wanted, who in sorted(homeless.items())
        )
        yield SELECTOR.found("; ".join(said))
    if all(_barred(node) for node in nodes):
        yield TAINTED.found(few(f"{name_of(n)} {_barred(n)}" for n in nodes))


def _barred(node: Object) -> str:
    """The first taint that keeps workloads off a node; empty where there is none."""
    for taint in dig(node, "spec", "taints") or ():
        starting = str(taint.get("key", "")).startswith(_STARTING)
        if taint.get("effect") in {"NoSchedule", "NoExecute"} and not starting:
            return f"{taint.get('key')}:{taint.get('effect')}"
    return ""

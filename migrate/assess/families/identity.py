"""IDENT: whether blue and green are two clusters."""

from __future__ import annotations

from collections.abc import Iterator

from migrate.assess.families import Code, Situation
from migrate.model.facts import Finding, Severity

SAME = Code(
    "IDENT-001",
    Severity.BLOCKER,
    "blue and green are the same cluster",
    "A cluster is told by the UID of its namespace kube-system. Two kubeconfigs, contexts or addresses may well lead to "
    "the same one.",
    "The move would write into the cluster that it is to leave, and the cutover would go nowhere.",
    "Check green.provisioner.kubeconfig and its context; they must lead to the new cluster.",
)
CODES = (SAME,)


def find(situation: Situation) -> Iterator[Finding]:
    """Compare the two UIDs; an empty one is not known and proves nothing."""
    green = situation.green
    if green is not None and green.uid and green.uid == situation.blue.uid:
        yield SAME.found(f"{situation.blue.name} and {green.name} both have kube-system UID {green.uid}")

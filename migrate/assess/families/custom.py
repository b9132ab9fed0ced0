"""CUSTOM: custom resources that make on green what may not run twice."""

from __future__ import annotations

from collections.abc import Iterator

from migrate.assess.families import Code, Situation
from migrate.assess.wording import count, few
from migrate.model.facts import Finding, Severity

CONTROLS = Code(
    "CUSTOM-001",
    Severity.WARNING,
    "custom resources control what may not run twice",
    "Custom resources that move and control, to any depth, StatefulSets, Deployments, Jobs or Pods that are exclusive or "
    "unknown by the rules of classes. Who makes them is found by RBAC: whose account may watch the kind and create what "
    "stands below it.",
    "Where such a resource stands beside its controller, that makes on green what runs on blue still. So the resource waits "
    "with the writers: its controller goes off on blue, then what that has made, and only then green gets both.",
    "Read which controllers are named and whether nobody else wakes what they make; have them rest for as long as the "
    "writers move. What nothing scales down, or whose controller was not found, is asked about (custom.never-twice).",
)
CODES = (CONTROLS,)


def find(situation: Situation) -> Iterator[Finding]:
    """Ask the replay which custom resources have to wait."""
    found = situation.parents.all
    if found:
        said = few(f"{ref} {offspring}" for ref, offspring in sorted(found.items()))
        yield CONTROLS.found(f"{count(len(found), 'custom resource')}: {said}")

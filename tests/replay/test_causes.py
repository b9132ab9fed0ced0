"""Why a field of green is otherwise than decided: its admission, somebody by name, or nobody that is known."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.replay.causes import ADMITTED, COMPLETED, DROPPED, OURS, TAKEN, UNKNOWN, cause

OWN = {"manager": "cnimigrate", "operation": "Update", "fieldsV1": {"f:data": {"f:a": {}, "f:b": {}}}}
HAND = {"manager": "kubectl-edit", "operation": "Update", "time": "2026-01-01T00:00:00Z",
        "fieldsV1": {"f:data": {"f:b": {}}}}  # fmt: skip
LATER = {**HAND, "manager": "hpa", "subresource": "scale", "time": "2026-01-02T00:00:00Z"}


@pytest.mark.parametrize(
    ("path", "owners", "answered", "said"),
    [
        ("data.a", [OWN, HAND], ["data.a"], ADMITTED),
        ("data.a", [OWN, HAND], [], OURS),
        ("data.b", [OWN, HAND], [], "kubectl-edit at 2026-01-01T00:00:00Z"),
        ("data.b", [OWN, HAND], ["data.b"], "kubectl-edit at 2026-01-01T00:00:00Z"),
        ("data.b", [OWN, LATER, HAND], [], "hpa by scale at 2026-01-02T00:00:00Z"),
        ("data.c", [OWN], [], UNKNOWN),
        ("data.gone", [OWN], ["data.gone"], DROPPED),
        ("data.gone", [OWN], [], TAKEN),
        ("data.a", [{"fieldsV1": {"f:data": {}}}], [], "a manager without a name"),
    ],
)
def test_the_cause_of_a_path(path: str, owners: list[Any], answered: list[str], said: str) -> None:
    """Whoever wrote it last is told by name; green's admission only where nobody has touched the field since."""
    found = {"metadata": {"managedFields": owners}, "data": {"a": "1", "b": "2", "c": "3"}}
    assert cause(path, found, answered=answered, ours="cnimigrate") == said


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("data.a", COMPLETED),
        ("data.b", "kubectl-edit at 2026-01-01T00:00:00Z"),
        ("data.c", COMPLETED),
        ("data.d", COMPLETED),
        ("data.gone", TAKEN),
    ],
)
def test_the_cause_of_what_was_added(path: str, said: str) -> None:
    """A default counts as its writer's, an allocation as nobody's; a hand's addition is the hand's, a controller's is not."""
    controller = {"manager": "kube-controller-manager", "fieldsV1": {"f:data": {"f:d": {}}}}
    data = {"a": "1", "b": "2", "c": "3", "d": "4"}
    found = {"metadata": {"managedFields": [OWN, HAND, controller]}, "data": data}
    assert cause(path, found, ours="cnimigrate", added=True) == said


def test_of_an_object_without_owners_nothing_is_known() -> None:
    """A server that keeps no owners says of no addition that nobody has made it."""
    assert cause("data.a", {"data": {"a": "1"}}, ours="cnimigrate", added=True) == UNKNOWN

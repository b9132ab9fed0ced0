"""Why a field of green is otherwise than decided: its admission, somebody by name, or nobody that is known."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.replay.causes import ADMITTED, DROPPED, OURS, TAKEN, UNKNOWN, cause

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

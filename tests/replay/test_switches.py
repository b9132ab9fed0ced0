"""What starts work by itself is told to rest by one field: which one, when, and where the server would drop it."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.replay.definitions import takes
from migrate.replay.kinds import Kind
from migrate.replay.runs import RUNS, end_of_run
from migrate.replay.switches import SWITCHES, Switch, switch_of
from migrate.replay.turns import Turn, off_first, turn_of
from tests.replay.builders import obj

KINDS = [(kind, switch) for switch in SWITCHES for kind in sorted(switch.kinds)]
CRON_WORKFLOW = ("argoproj.io", "CronWorkflow")
"""It makes nothing without its controller, which goes off beside it."""

SUSPEND = ("spec", "suspend")


@pytest.mark.parametrize(
    ("kind", "switch"), KINDS, ids=lambda value: "" if isinstance(value, Switch) else value[1]
)
def test_a_kind_has_one_switch_and_blue_hears_of_it_in_time(kind: Kind, switch: Switch) -> None:
    """Blue's rests before the writers, controllers among them, go off."""
    assert [other for other in SWITCHES if kind in other.kinds] == [switch]
    assert switch_of(kind) is switch
    turn = turn_of(kind, rests=True, outside=None, awaited=False)
    assert off_first(kind, turn) is (kind != CRON_WORKFLOW)
    assert turn is not Turn.ADDRESSES


def test_every_run_has_a_switch() -> None:
    """What is asked about as a run has a form in which it waits."""
    assert all(switch_of(kind) for kind in RUNS)


def definition(schema: Any, **spec: Any) -> dict[str, Any]:
    """A definition with one version."""
    version = {"name": "v1", **({"schema": {"openAPIV3Schema": schema}} if schema is not None else {})}
    return obj(
        "CustomResourceDefinition", "a", api="apiextensions.k8s.io/v1", spec={"versions": [version], **spec}
    )


def spec_of(**rest: Any) -> dict[str, Any]:
    """A schema whose `spec` says this."""
    return {"type": "object", "properties": {"spec": {"type": "object", **rest}}}


KEEP = {"x-kubernetes-preserve-unknown-fields": True}


@pytest.mark.parametrize(
    ("found", "path", "taken"),
    [
        (definition(spec_of(properties={"suspend": {"type": "boolean"}})), SUSPEND, True),
        (definition(spec_of(properties={"paused": {"type": "boolean"}})), SUSPEND, False),
        (definition(spec_of()), SUSPEND, False),
        (definition(spec_of(**KEEP)), SUSPEND, True),
        (definition({"type": "object", **KEEP}), SUSPEND, True),
        (definition(spec_of(), preserveUnknownFields=True), SUSPEND, True),
        (definition(None), SUSPEND, True),
        (
            definition(spec_of(properties={"runPolicy": {"type": "object"}})),
            ("spec", "runPolicy", "suspend"),
            False,
        ),
        (definition({"type": "object"}), ("metadata", "annotations", "a"), True),
    ],
    ids=["named", "another", "none", "kept", "kept-above", "beta", "bare", "half-way", "metadata"],
)
def test_a_field_is_taken_where_the_definition_names_it(
    found: Any, path: tuple[str, ...], taken: bool
) -> None:
    """What a structural schema does not name is dropped, and what it was to put to rest would start."""
    assert takes(found, "v1", path) is taken


@pytest.mark.parametrize(
    ("status", "end"),
    [
        ({}, ""),
        ({"conditions": [{"type": "Completed", "status": "False"}]}, ""),
        ({"conditions": [{"type": "Running", "status": "True"}]}, ""),
        ({"conditions": [{"type": "Completed", "status": "True"}]}, "Completed"),
        ({"conditions": [{"type": "Succeeded", "status": "True"}]}, "Succeeded"),
        ({"conditions": None, "jobDeploymentStatus": "Failed"}, "Failed"),
        ({"jobDeploymentStatus": "Suspended"}, ""),
        ({"applicationState": {"state": "COMPLETED"}}, "COMPLETED"),
        ({"applicationState": {"state": "RUNNING"}}, ""),
    ],
)
def test_a_run_ends_as_its_own_controller_says(status: dict[str, Any], end: str) -> None:
    """By a condition that is True, or by the one word that some have for it."""
    assert end_of_run({"status": status}) == end

"""The types that the simulation ships: a real API server's own, and what is said of a value that is not of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migrate.simulation import published
from migrate.simulation.published import decoded, wrong
from tests.lab.control_plane import ControlPlane
from tests.simulation.builders import named
from tests.simulation.openapi import table

SHIPPED = Path(published.__file__).with_name("data") / "types.yaml"


def test_the_table_is_what_a_real_server_publishes(blue_and_green: tuple[ControlPlane, ControlPlane]) -> None:
    """Made anew from /openapi/v2 it is the same, to the letter."""
    server = blue_and_green[1]
    server.api.close()
    assert table(server.api.get("/openapi/v2")) == SHIPPED.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("obj", "told"),
    [
        (named("apps/v1", "Deployment", "a", spec=[]), ["spec: is a list; write a mapping of keys to values"]),
        (named("v1", "Service", "a", spec={"ports": [{"port": 80}, "x"]}),
         ["spec.ports[1]: is a text; write a mapping of keys to values"]),
        (named("v1", "Service", "a", spec={"ports": [{"port": True}]}),
         ["spec.ports[0].port: is true or false; write a whole number"]),
        (named("v1", "ConfigMap", "a", data={"a": None}),
         ["data.a: is nothing; write a text, in quotes where it could be read as something else"]),
        (named("v1", "Pod", "a", spec={"containers": [{"name": "a", "resources": {"limits": {"cpu": 1.5}}}]}), []),
        (named("v1", "Pod", "a", spec={"containers": [{"name": "a"}], "unheardOf": 1}), []),
        (named("v1", "Pod", "a", spec={"containers": [{"name": "a"}]}, status={"conditions": [{"status": "True"}]}),
         ["status.conditions[0].type: is missing; write a text, in quotes where it could be read as something else"]),
        (named("v1", "Pod", "a", spec={"containers": [{"name": "a"}]}, status={"containerStatuses": [{"name": "a"}]}), []),
        (named("batch/v1beta1", "CronJob", "a", spec={"schedule": 5}),
         ["spec.schedule: is a number; write a text, in quotes where it could be read as something else"]),
        (named("example.com/v1", "Thing", "a", spec=7), []),
    ],
)  # fmt: skip
def test_what_is_of_another_type_is_told_with_its_path(obj: dict[str, Any], told: list[str]) -> None:
    """Typed fields at any depth; nothing of unknown ones, nor of what a hand-written status leaves out."""
    assert [str(each) for each in wrong(obj)] == told


def test_what_is_null_is_nothing_to_a_server() -> None:
    """Typed fields that are null go, as Go's decoder has them; what is free of types keeps its nulls."""
    obj = named("v1", "Service", "a", spec={"ports": None, "selector": {"a": "b"}}, status=None)
    assert decoded(obj) == named("v1", "Service", "a", spec={"selector": {"a": "b"}})
    raw = named("apps/v1", "ControllerRevision", "a", revision=1, data={"a": None})
    assert decoded(raw) == raw
    custom = named("example.com/v1", "Thing", "a", spec=None)
    assert decoded({**custom, "metadata": {"name": "a", "labels": None}}) == custom

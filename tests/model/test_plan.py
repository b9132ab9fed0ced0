"""A Plan's identity: what changes its fingerprint, and what does not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from migrate.model.ids import BatchName, GateName, Phase, StepId
from migrate.model.plan import Plan, PlannedStep

STEP = PlannedStep(
    BatchName("all"),
    Phase.REPLAY,
    StepId("replay.objects"),
    1,
    "write",
    GateName("before-replay"),
    "loses",
    "undo",
)
PLAN = Plan("small", (STEP,), {"blue": "uid"}, {"ramp": [1, 100]}, {"cni": "weave"})


def test_a_plan_survives_the_journal() -> None:
    """A Plan reads back as it was written, with the same fingerprint."""
    read = Plan.of_json(json.loads(json.dumps(PLAN.as_json())))
    assert read == PLAN
    assert read.fingerprint == PLAN.fingerprint
    assert PLAN.short == PLAN.fingerprint[:6]


@pytest.mark.parametrize(
    "change",
    [
        {"identity": {"blue": "other"}},
        {"pinned": {"cni": "flannel"}},
        {"steps": (replace(STEP, version=2),)},
        {"steps": (replace(STEP, step=StepId("other")),)},
        {"steps": (replace(STEP, phase=Phase.START),)},
        {"steps": (replace(STEP, batch=BatchName("shop")),)},
        {"steps": (STEP, STEP)},
        {"steps": ()},
    ],
)
def test_what_may_never_change(change: dict[str, Any]) -> None:
    """Another identity, fact, step, place or contract version is another Plan."""
    other = replace(PLAN, **change)
    assert other.base != PLAN.base
    assert other.fingerprint != PLAN.fingerprint


def test_what_amend_may_change() -> None:
    """The revisable part changes the fingerprint that approvals bind to, and not the base."""
    other = replace(PLAN, revisable={"ramp": [100]})
    assert other.base == PLAN.base
    assert other.fingerprint != PLAN.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"revision": 2},
        {"steps": (replace(STEP, title="other", undo="other", one_way="other"),)},
        {"revisable": {"ramp": [1, 100]}, "identity": {"blue": "uid"}},
    ],
)
def test_words_change_nothing(change: dict[str, Any]) -> None:
    """Titles, sentences and the number of the revision are no part of the fingerprint."""
    assert replace(PLAN, **change).fingerprint == PLAN.fingerprint

"""What this run patched is deleted on green and made anew by somebody else: the way back leaves that one as it is."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.errors import CheckFailed, ForeignObject
from migrate.model.ids import Phase, Side
from migrate.model.objects import dig
from tests.scenario.hands import DEPLOYMENTS, deleted
from tests.scenario.moves import Life, progress_of, roll_back_to, run, world_of
from tests.scenario.test_conflicts import on, theirs, with_policy

VERIFIED = Life(until=Until(phase=Phase.VERIFY))


def replaced(project: Project) -> Any:
    """Our web, which was started, is gone from green, and another team has one of that name; its spec."""
    run(project, VERIFIED)
    ours = on(project, Side.GREEN, DEPLOYMENTS, "shop/web") or {}
    deleted(project, Side.GREEN, DEPLOYMENTS, "shop/web")
    with world_of(project) as world:
        world.clock().sleep(5)
    theirs(project, DEPLOYMENTS, "shop/web", spec=ours["spec"])
    return (on(project, Side.GREEN, DEPLOYMENTS, "shop/web") or {})["spec"]


def test_a_rollback_leaves_a_namesake_running(project: Project) -> None:
    """The delete behind the start's way back spares it, and so does that; its Namespace is told to a person."""
    spec = replaced(project)
    assert spec["replicas"]
    with suppress(ForeignObject):
        roll_back_to(project, Phase.BUILD)
    assert dig(on(project, Side.GREEN, DEPLOYMENTS, "shop/web"), "spec") == spec


def test_what_is_skipped_since_is_not_put_to_rest(project: Project) -> None:
    """Skipped by the conflict policy, ours is taken back by the journal, and theirs stays as it runs."""
    spec = replaced(project)
    with suppress(CheckFailed):  # whether theirs serves the route is for the verification to say
        run(with_policy(project, "skip"), VERIFIED)
    assert dig(on(project, Side.GREEN, DEPLOYMENTS, "shop/web"), "spec") == spec
    (back,) = [i for i in progress_of(project).intents() if i.action.key.endswith("shop/web undo start")]
    assert back.outcome is not None
    assert back.outcome.stands
    assert "another object on green" in back.outcome.evidence

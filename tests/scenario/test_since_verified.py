"""What happens to green between its verification and the cutover stops the cutover before any traffic moves."""

from __future__ import annotations

import pytest

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.errors import CheckFailed, ForeignObject, GateClosed
from migrate.model.ids import Phase, Side
from migrate.model.migration import GateSpec
from migrate.replay import SINCE
from migrate.replay.causes import COMPLETED, TAKEN
from tests.scenario.hands import CONFIG_MAPS, ROLES, created, deleted, once_done, patched
from tests.scenario.moves import Life, progress_of, run

VERIFIED = Life(until=Until(phase=Phase.VERIFY))
WORKER = {"queue": "orders"}


@pytest.fixture
def verified(project: Project) -> Project:
    """A move whose green was verified, before its cutover."""
    run(project, VERIFIED)
    return project


def refused(project: Project, life: Life | None = None) -> CheckFailed:
    """Run until it is refused; no weight was set."""
    with pytest.raises(CheckFailed) as caught:
        run(project, life)
    assert progress_of(project).weights() == {}
    return caught.value


def test_what_was_deleted_on_green_is_made_again(verified: Project) -> None:
    """Nobody changed blue: the next run writes what is missing, and goes on to its end."""
    deleted(verified, Side.GREEN, ROLES, "back/reader")
    assert run(verified)


def test_what_is_deleted_on_green_at_the_last_moment_stops_the_cutover(project: Project) -> None:
    """The object that is gone is named, with the way on."""
    tell = once_done("verify.routes", lambda: deleted(project, Side.GREEN, ROLES, "back/reader"))
    stopped = refused(project, Life(tell=tell))
    assert stopped.exit_code == 30
    assert "green since its verification" in stopped.message
    assert "Role back/reader: missing" in stopped.message
    assert "run brings it over" in stopped.remedy
    assert run(project)


def test_what_was_changed_on_green_stops_the_cutover_until_it_is_put_back(verified: Project) -> None:
    """The path is told and no value; as it was, the move goes on to its end."""
    patched(verified, Side.GREEN, CONFIG_MAPS, "back/worker", {"data": {"queue": "mended"}})
    stopped = refused(verified)
    assert "ConfigMap back/worker: differs at data.queue" in stopped.message
    assert "mended" not in stopped.message
    patched(verified, Side.GREEN, CONFIG_MAPS, "back/worker", {"data": WORKER})
    assert run(verified)


def test_all_of_it_is_in_the_journal(project: Project) -> None:
    """The record of the refusal has every object, path by path, with its cause."""

    def spoil() -> None:
        patched(project, Side.GREEN, CONFIG_MAPS, "back/worker", {"data": {"queue": None}})
        deleted(project, Side.GREEN, ROLES, "back/reader")

    refused(project, Life(tell=once_done("verify.routes", spoil)))
    intent = progress_of(project).of_key(f"record {SINCE}")
    assert intent is not None
    found = {
        d["object"]: (d["what"], d["paths"])
        for d in intent.action.params["facts"]["differences"]
        if all(path["cause"] != COMPLETED for path in d["paths"])
    }
    assert found == {
        "ConfigMap back/worker": ("differs", [{"path": "data.queue", "cause": TAKEN}]),
        "Role back/reader": ("missing", []),
    }


def test_what_was_brought_over_by_hand_does_not(verified: Project) -> None:
    """Changed and gone on both sides alike: there is nothing to bring over but our marks."""
    for side in Side:
        patched(verified, side, CONFIG_MAPS, "back/worker", {"data": {"queue": None, "lane": "fast"}})
        deleted(verified, side, ROLES, "back/reader")
    assert run(verified)


def test_what_was_made_on_green_by_hand_is_a_persons_word(verified: Project) -> None:
    """What is new on blue, and on green of another hand, is not taken over unasked."""
    for side in Side:
        created(verified, side, CONFIG_MAPS, "shop/new", data={"a": "b"})
    with pytest.raises(ForeignObject, match="ConfigMap shop/new stands on green and is not from this run"):
        run(verified)
    deleted(verified, Side.GREEN, CONFIG_MAPS, "shop/new")
    assert run(verified)


def test_whoever_approves_the_cutover_sees_it(project: Project) -> None:
    """The gate's own words name what does not stand as it was verified."""
    tell = once_done("verify.routes", lambda: deleted(project, Side.GREEN, ROLES, "back/reader"))
    with pytest.raises(GateClosed, match=r"not on green as they were verified: 1\n.*back/reader: missing"):
        run(project, Life(tell=tell, gates={"before-cutover": GateSpec(mode="approval")}))

"""A field that green's own controllers decide: it stops verification and cutover until the file accepts it."""

from __future__ import annotations

import pytest

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import GateName, Phase, Side
from migrate.model.verdict import Verdict
from migrate.replay import SINCE
from migrate.replay.drift import CHECK
from tests.scenario.hands import CONFIG_MAPS, patched
from tests.scenario.moves import FILE, Life, amended, progress_of, run

ACCEPT = """\
verify:
  accept: [{kind: ConfigMap, namespace: back, name: worker, path: data.queue, reason: green's operator names it}]
"""
REASON = "accepted: green's operator names it"


def rewritten(project: Project, value: str = "green-orders") -> None:
    """Green's controller writes its own value."""
    patched(project, Side.GREEN, CONFIG_MAPS, "back/worker", {"data": {"queue": value}})


def accepting(project: Project) -> Project:
    """The same move with the difference accepted, by `amend`."""
    return amended(project, FILE + ACCEPT)


def told(project: Project, check: str) -> Verdict | None:
    """The latest verdict of that name."""
    progress = progress_of(project)
    assert progress.plan is not None
    verdicts = (v for s in progress.plan.steps for v in progress.verdicts(s.batch))
    return next((v for v in verdicts if v.check == check), None)


def test_verification_goes_on_once_it_is_accepted(project: Project) -> None:
    """Refused by path and with the key to write; accepted, it is listed with its reason, and the move ends."""
    run(project, Life(until=Until(phase=Phase.START)))
    rewritten(project)
    with pytest.raises(CheckFailed) as caught:
        run(project)
    assert "ConfigMap back/worker: differs at data.queue" in caught.value.message
    assert "verify.accept" in caught.value.remedy

    again = accepting(project)
    assert run(again)
    said = told(again, f"{SINCE} as accepted")
    assert said is not None
    assert REASON in said.evidence


def test_the_writers_move_once_it_is_accepted(project: Project) -> None:
    """After the cutover has begun, with blue's own value changed as well: drift passes and says why."""
    run(project, Life(until=Until(gate=GateName("before-writers"))))
    rewritten(project)
    patched(project, Side.BLUE, CONFIG_MAPS, "back/worker", {"data": {"queue": "blue-orders"}})
    with pytest.raises(CheckFailed, match="changed on blue since the replay"):
        run(project)
    again = accepting(project)
    assert run(again)
    said = told(again, f"{CHECK} as accepted")
    assert said is not None
    assert REASON in said.evidence


def test_what_lies_beside_it_still_stops(project: Project) -> None:
    """The exception is a path's: another field of the same object is judged as ever, and told alone."""
    patched(project, Side.BLUE, CONFIG_MAPS, "back/worker", {"data": {"lane": "slow"}})
    run(project, Life(until=Until(phase=Phase.VERIFY)))
    patched(project, Side.GREEN, CONFIG_MAPS, "back/worker", {"data": {"queue": "theirs", "lane": "fast"}})
    with pytest.raises(CheckFailed) as caught:
        run(accepting(project))
    assert "ConfigMap back/worker: differs at data.lane" in caught.value.message
    assert "data.queue" not in caught.value.message.partition("as accepted")[0]

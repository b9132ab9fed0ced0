"""What is made on green only at the cutover is compared like all else from then on, and named as not looked at before."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from migrate.cli.app import main
from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import Phase, Side
from tests.scenario.hands import CRON_JOBS, deleted, patched
from tests.scenario.moves import Life, run

NIGHTLY = "back/nightly"
MOVED = Life(until=Until(phase=Phase.CUTOVER))


def verified(project: Project, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """The exit code and the document of `verify`."""
    capsys.readouterr()
    code = 0
    try:
        main(["verify", "-o", "json", "-f", str(project.file)])
    except SystemExit as end:
        code = int(end.code or 0)
    return code, json.loads(capsys.readouterr().out)


def late(document: dict[str, Any]) -> list[str]:
    """What of the not looked at is made only later."""
    return [said for said in document["notLookedAt"] if "made only at the cutover" in said]


def test_until_it_is_made_it_is_not_looked_at(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """The command says so by name, and no more once the cutover is over; a green that nobody touched passes."""
    run(project, Life(until=Until(phase=Phase.VERIFY)))
    code, before = verified(project, capsys)
    assert code == 0
    assert any(f"CronJob {NIGHTLY}" in said for said in late(before))
    run(project, MOVED)
    code, after = verified(project, capsys)
    assert (code, late(after)) == (0, [])
    assert compared_of(after) > compared_of(before)


def compared_of(document: dict[str, Any]) -> int:
    """How many objects the waves' verdicts are about."""
    told = (
        v for v in document["verdicts"] if v["check"].startswith("parity-wave-") and " as " not in v["check"]
    )
    return sum(int(v["evidence"].split(" of ")[1].split()[0]) for v in told)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda p: deleted(p, Side.GREEN, CRON_JOBS, NIGHTLY), "missing"),
        (
            lambda p: patched(p, Side.GREEN, CRON_JOBS, NIGHTLY, {"spec": {"schedule": "0 0 1 1 *"}}),
            "differs at spec.schedule",
        ),
    ],
)
def test_what_becomes_of_it_after_the_cutover_is_told(
    project: Project, capsys: pytest.CaptureFixture[str], spoil: Callable[[Project], None], told: str
) -> None:
    """Gone or changed by another hand, `verify` fails by name; what runs on green unseen would run on no side."""
    run(project, MOVED)
    spoil(project)
    code, document = verified(project, capsys)
    assert code == CheckFailed.exit_code
    failing = [v["evidence"] for v in document["verdicts"] if v["result"] == "fail"]
    assert any(f"CronJob {NIGHTLY}: {told}" in said for said in failing)

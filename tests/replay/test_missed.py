"""A CronJob that was due while it moved is named, with the command that makes up for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from migrate.replay.missed import missed, told, unread
from tests.replay.builders import decide, obj

NIGHT = datetime(2026, 3, 1, 1, 59, tzinfo=UTC)
LATER = datetime(2026, 3, 1, 2, 1, tzinfo=UTC)


def cron_job(schedule: str, **spec: Any) -> dict[str, Any]:
    """A CronJob of the shop."""
    return obj("CronJob", "nightly", "shop", "batch/v1", spec={"schedule": schedule, **spec})


@pytest.mark.parametrize(
    ("job", "hours"),
    [
        (cron_job("0 2 * * *"), [2]),
        (cron_job("0 3 * * *", timeZone="Europe/Berlin"), [2]),
        (cron_job("0 4 * * *"), []),
        (cron_job("0 2 * * *", suspend=True), []),
        (cron_job("whenever"), []),
    ],
)
def test_due_between_off_and_on_is_missed(job: dict[str, Any], hours: list[int]) -> None:
    """In its own zone, unless it sleeps on blue anyway, or no controller could read when."""
    assert [time.hour for time in missed(job, NIGHT, LATER)] == hours


def test_the_last_times_are_told_with_the_command_that_makes_up_for_them() -> None:
    """Of many the last are named; the command can be typed as it stands."""
    job = cron_job("*/10 * * * *")
    times = missed(job, NIGHT, datetime(2026, 3, 1, 2, 45, tzinfo=UTC))
    said = told(job, times)
    assert (
        "due at 2026-03-01 02:20 UTC, 2026-03-01 02:30 UTC, 2026-03-01 02:40 UTC, and 2 times before" in said
    )
    assert said.endswith("kubectl -n shop create job --from=cronjob/nightly nightly-by-hand")


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (cron_job("@every 1h"), True),
        (cron_job("@every 1h", suspend=True), False),
        (cron_job("TZ=Europe/Berlin 0 3 * * *"), False),
    ],
)
def test_a_schedule_that_is_not_read_is_told_in_the_plan(job: dict[str, Any], said: bool) -> None:
    """What it misses cannot be known, and silence would look as if it missed nothing."""
    assert bool(list(unread(job))) is said
    (decision,) = decide(job)
    assert ("is not read here" in decision.evidence) is said

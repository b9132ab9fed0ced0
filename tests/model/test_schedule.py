"""Cron schedules, read and followed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from migrate.model.schedule import schedule

MONDAY = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "first"),
    [
        ("*/5 * * * *", "", "2026-01-05T09:05"),
        ("0 9 * * *", "", "2026-01-06T09:00"),
        ("30 2 * * 0", "", "2026-01-11T02:30"),
        ("30 2 * * 7", "", "2026-01-11T02:30"),
        ("0 0 1 jan-mar *", "", "2026-02-01T00:00"),
        ("0 0 13 * fri", "", "2026-01-09T00:00"),
        ("5,10-20/5 10 * * mon", "", "2026-01-05T10:05"),
        ("0 0 29 2 *", "", "2028-02-29T00:00"),
        ("@hourly", "", "2026-01-05T10:00"),
        ("@weekly", "", "2026-01-11T00:00"),
        ("0 9 * * *", "America/New_York", "2026-01-05T14:00"),
        ("CRON_TZ=America/New_York 0 9 * * *", "", "2026-01-05T14:00"),
        ("TZ=America/New_York @daily", "", "2026-01-06T05:00"),
    ],
)
def test_the_next_firing(text: str, zone: str, first: str) -> None:
    """Names, lists, ranges, steps, words and zones are understood; a day fires by either day field."""
    found = schedule(text, zone).next(MONDAY)
    assert found is not None
    assert found.strftime("%Y-%m-%dT%H:%M") == first


def test_a_day_that_never_comes() -> None:
    """The thirtieth of February has no next."""
    assert schedule("0 0 30 2 *").next(MONDAY) is None


def test_firings_are_after_the_one_and_up_to_the_other() -> None:
    """The first bound is left out, the last one taken in."""
    found = list(schedule("0 * * * *").between(MONDAY, MONDAY + timedelta(hours=2)))
    assert [moment.hour for moment in found] == [10, 11]


@pytest.mark.parametrize("text", ["", "* * * *", "61 * * * *", "*/0 * * * *", "a * * * *", "5-1 * * * *"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    """Rather than that it never fires."""
    with pytest.raises(ValueError):
        schedule(text)

"""Cron schedules: when one fires (pure).

Five fields with names, lists, ranges and steps, and the `@` words, as Kubernetes' CronJob takes them.
Source: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_DAYS = {name: number for number, name in enumerate("sun mon tue wed thu fri sat".split())}  # noqa: SIM905
_BOUNDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, _MONTHS),
    (0, 7, _DAYS),
)

_ZONED = re.compile(r"(?:CRON_)?TZ=(?P<zone>\S+)\s+(?P<text>.+)")
"""A zone before the fields: controllers before 1.27 took it, undocumented, and still go by it where it stands."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule, read; a day fires when either of its restricted day fields says so, as in cron."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    zone: tzinfo

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Every firing later than `after` and not later than `until`, in UTC."""
        day = after.astimezone(self.zone).date()
        last = until.astimezone(self.zone).date()
        while day <= last:
            if self._fires_on(day):
                for moment in self._on(day):
                    if after < moment <= until:
                        yield moment
            day += timedelta(days=1)

    def next(self, after: datetime) -> datetime | None:
        """The first firing later than `after`, looked for over four years; None for a day that never comes."""
        for span in (1, 32, 367, 1500):
            found = next(self.between(after, after + timedelta(days=span)), None)
            if found is not None:
                return found
        return None

    def _fires_on(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_day or by_weekday if self.either else by_day and by_weekday

    def _on(self, day: date) -> Iterator[datetime]:
        for hour in self.hours:
            for minute in self.minutes:
                yield datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone).astimezone(UTC)


@cache
def schedule(text: str, zone: str = "") -> Schedule:
    """Read a schedule; raises ValueError for text or a zone that is none, and for `@every`, which counts from the last run."""
    zoned = _ZONED.fullmatch(text.strip())
    if zoned:
        zone, text = zoned["zone"], zoned["text"]
    fields = _WORDS.get(text.strip().lower(), text).split()
    if len(fields) != 5:
        message = f"{text!r} is no schedule of five fields"
        raise ValueError(message)
    minutes, hours, days, months, weekdays = (
        _field(field.lower(), low, high, names)
        for field, (low, high, names) in zip(fields, _BOUNDS, strict=True)
    )
    either = not fields[2].startswith(("*", "?")) and not fields[4].startswith(("*", "?"))
    return Schedule(
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        frozenset(days),
        frozenset(months),
        frozenset(day % 7 for day in weekdays),
        either,
        _zone(zone),
    )


def _zone(name: str) -> tzinfo:
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError as error:
        message = f"{name!r} is no time zone of this machine"
        raise ValueError(message) from error


def _field(text: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span in {"*", "?"}:
            first, last = low, high
        else:
            start, dash, end = span.partition("-")
            first = _number(start, names)
            last = _number(end, names) if dash else (high if step else first)
        if not low <= first <= last <= high or (step and int(step) < 1):
            message = f"{part!r} is outside {low}-{high}"
            raise ValueError(message)
        found.update(range(first, last + 1, int(step or 1)))
    return found


def _number(text: str, names: dict[str, int]) -> int:
    return names[text] if text in names else int(text)

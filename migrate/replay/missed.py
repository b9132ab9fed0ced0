"""What a CronJob missed while it moved: it is made afresh on green, so that nothing that was missed runs by itself.

The other way a controller catches up by itself: a CronJob that is woken starts the latest run that it missed.
Source: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#job-creation
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from migrate.model.objects import Object, dig, name_of, namespace_of
from migrate.model.schedule import Schedule, schedule

SHOWN = 3


def missed(cron_job: Object, since: datetime, until: datetime) -> tuple[datetime, ...]:
    """The times at which a CronJob was due after `since` and not after `until`; none where it sleeps on blue too.

    Without a zone of its own it goes by its controller manager's, which is taken for UTC.
    """
    if dig(cron_job, "spec", "suspend"):
        return ()
    plan = _plan(cron_job)
    return tuple(plan.between(since, until)) if plan is not None else ()


def unread(cron_job: Object) -> Iterator[str]:
    """Say of a CronJob that its schedule is not read here, so that `missed` cannot know: `@every 1h` counts from its last run."""
    if not dig(cron_job, "spec", "suspend") and _plan(cron_job) is None:
        text = dig(cron_job, "spec", "schedule")
        yield f"may be due while it moves: its schedule {text!r} is not read here, so nobody will name what it missed"


def _plan(cron_job: Object) -> Schedule | None:
    try:
        return schedule(str(dig(cron_job, "spec", "schedule")), str(dig(cron_job, "spec", "timeZone") or ""))
    except ValueError:
        return None


def told(cron_job: Object, times: tuple[datetime, ...]) -> str:
    """Name the runs that a CronJob missed, and the command that makes up for one."""
    name, space = name_of(cron_job), namespace_of(cron_job)
    shown = ", ".join(f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC" for time in times[-SHOWN:])
    more = f", and {len(times) - SHOWN} times before" if len(times) > SHOWN else ""
    by_hand = f"kubectl -n {space} create job --from=cronjob/{name} {name[:40]}-by-hand"
    return f"CronJob {space}/{name} was due at {shown}{more} while it moved, and is not run for it: {by_hand}"

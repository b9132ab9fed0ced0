"""Disks that pods name themselves: no claim stands between, on which a word of the file's could be said."""

from __future__ import annotations

from migrate.replay import kinds
from migrate.replay.inline import disks
from migrate.replay.rule import Rule, Subject, ask
from migrate.replay.surroundings import Surroundings


def _disk(subject: Subject, _surroundings: Surroundings) -> str | None:
    return "; ".join(disks(kinds.pod_of(subject.kind, subject.obj))) or None


RULES: tuple[Rule, ...] = (
    ask(
        "decide.disk",
        "workloads whose pods name a disk themselves, with no claim between",
        "green's pods would mount blue's very disk: say hold, where green's nodes reach it, and they start once blue's are off; "
        "or skip",
        *sorted(kinds.WORKLOADS | {kinds.POD, kinds.JOB, kinds.CRON_JOB}),
        when=_disk,
    ),
)

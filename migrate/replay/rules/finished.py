"""What is over, or is being deleted; and what has begun, and would begin again."""

from __future__ import annotations

from migrate.model.objects import dig, end_of_job, metadata_of
from migrate.replay import kinds
from migrate.replay.doomed import doomed
from migrate.replay.rule import Rule, Subject, ask, skip
from migrate.replay.surroundings import Surroundings


def _terminating(subject: Subject, surroundings: Surroundings) -> str | None:
    since = metadata_of(subject.obj).get("deletionTimestamp")
    if subject.kind == kinds.CLAIM and doomed(subject.obj, surroundings.blue.migration) is not None:
        return None  # it has data yet, and volume.terminating asks about it
    return f"since {since}" if since else None


def _finished_job(subject: Subject, _surroundings: Surroundings) -> str | None:
    completed = "Complete" if dig(subject.obj, "status", "completionTime") else None
    return end_of_job(subject.obj) or completed


def _finished_pod(subject: Subject, _surroundings: Surroundings) -> str | None:
    phase = dig(subject.obj, "status", "phase")
    return str(phase) if phase in {"Succeeded", "Failed"} else None


def _active_job(subject: Subject, _surroundings: Surroundings) -> str | None:
    if dig(subject.obj, "spec", "suspend"):
        return None
    return "replayed, it is written suspended and goes on at the cutover, after blue's is suspended"


def _bare_pod(subject: Subject, surroundings: Surroundings) -> str | None:
    classified = surroundings.classes.of(subject.obj)
    return None if classified.word == "serving" else f"{classified.word}: {', '.join(classified.evidence)}"


TERMINATING: tuple[Rule, ...] = (
    skip("finished.terminating", "objects that are being deleted", "blue is deleting it", when=_terminating),
)

RULES: tuple[Rule, ...] = (
    skip(
        "finished.job",
        "Jobs that are complete or have failed",
        "it would run again",
        kinds.JOB,
        when=_finished_job,
    ),
    skip(
        "finished.pod",
        "Pods that have succeeded or failed",
        "it would run again",
        kinds.POD,
        when=_finished_pod,
    ),
    skip(
        "finished.one-shot",
        "custom resources that are carried out once (orders, runs, backups)",
        "it would be carried out again",
        *sorted(kinds.ONE_SHOT),
    ),
    ask(
        "decide.job",
        "Jobs at work that no CronJob made",
        "it has done part of its work on blue and would begin anew; say replay (suspended until the cutover) or skip",
        kinds.JOB,
        when=_active_job,
    ),
    ask(
        "decide.bare-pod",
        "Pods without a controller that no Service selects, or that may not run twice",
        "blue's pod cannot be put to rest without deleting it; say replay (green's waits until you have deleted blue's) or skip",
        kinds.POD,
        when=_bare_pod,
    ),
)

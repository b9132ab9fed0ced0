"""What custom kinds carry out by themselves: what is over, what has begun, and what cannot be told to rest."""

from __future__ import annotations

from migrate.model.objects import dig, ref_of
from migrate.replay import runs
from migrate.replay.rule import Rule, Subject, ask, skip
from migrate.replay.surroundings import Surroundings
from migrate.replay.switches import SWITCHES, rests, stuck, switch_of
from migrate.replay.turns import QUEUES


def _over(subject: Subject, _surroundings: Surroundings) -> str | None:
    return runs.end_of_run(subject.obj) or None


def _stuck(subject: Subject, surroundings: Surroundings) -> str | None:
    """Match what acts on blue and would act at once on green."""
    switch = switch_of(subject.kind)
    if switch is None or rests(subject):
        return None
    return stuck(switch, subject, surroundings) or None


def _at_work(subject: Subject, _surroundings: Surroundings) -> str | None:
    if rests(subject):
        return None
    return "replayed, it is written suspended and goes on at the cutover, after blue's is suspended"


def _shared(subject: Subject, surroundings: Surroundings) -> str | None:
    """Match a queue by which somebody who stays on blue works."""
    blue = surroundings.blue
    staying = sorted(
        ref_of(queue)
        for queue in blue.inventory.of("LocalQueue", subject.ref.group)
        if dig(queue, "spec", "clusterQueue") == subject.ref.name and not blue.comes(queue)
    )
    return f"used by {', '.join(map(str, staying))}" if staying and not rests(subject) else None


RULES: tuple[Rule, ...] = (
    ask(
        "decide.shared-queue",
        "Kueue's ClusterQueues that LocalQueues which stay on blue use",
        "blue's is stopped and drained before the writers move, their jobs with it; say skip, and have one made on green, or replay",
        *sorted(QUEUES),
        when=_shared,
    ),
    skip(
        "finished.run",
        "JobSets, TrainJobs, RayJobs, SparkApplications and Kubeflow's training jobs that are over",
        "it would run again",
        *sorted(runs.RUNS),
        when=_over,
    ),
    ask(
        "decide.no-switch",
        "what starts work by itself, and cannot be told to rest: by blue's definition of it, or by how it is written",
        "it would start on green beside blue's; say hold (made at the cutover; put blue's to rest yourself before that), "
        "replay (made at once) or skip",
        *sorted(kind for switch in SWITCHES for kind in switch.kinds),
        when=_stuck,
    ),
    ask(
        "decide.run",
        "JobSets, TrainJobs, RayJobs, SparkApplications and Kubeflow's training jobs at work",
        "it has done part of its work on blue and would begin anew; say replay (suspended until the cutover) or skip",
        *sorted(runs.RUNS),
        when=_at_work,
    ),
)

"""When blue's counts as off: what its controller has not seen yet may still make pods."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.actions.conditions import CONDITIONS
from migrate.actions.conditions.workloads import run_off
from migrate.doors.cluster import Verb, Write
from migrate.model.ids import Side
from migrate.model.objects import Object, Ref
from migrate.model.verdict import Result
from tests.actions.conftest import Bench

JOB = Ref("batch", "Job", "default", "once")


def made(bench: Bench, **spec: Any) -> None:
    """Make a Job on blue, and let nobody act upon it yet."""
    pod = {"containers": [{"name": "c", "image": "registry.example/c:1"}], "restartPolicy": "Never"}
    whole: Object = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": JOB.name, "namespace": JOB.namespace},
        "spec": {"template": {"spec": pod}, **spec},
    }
    blue = bench.doors.blue
    resource = next(r for r in blue.resources() if r.kind == "Job")
    blue.write(Write(Verb.CREATE, resource, JOB.name, JOB.namespace, whole))


def looked(bench: Bench) -> Result:
    """Look once whether it is off."""
    asked = {"side": Side.BLUE.value, "refs": [JOB.as_json()]}
    (verdict,) = CONDITIONS["workloads-off"](bench.doors, asked)
    return verdict.result


def test_a_suspended_job_is_off_once_its_controller_says_so(bench: Bench) -> None:
    """Without pods and without the condition its controller may be about to make them."""
    made(bench, suspend=True)
    assert looked(bench) is Result.INCONCLUSIVE
    bench.world.settle()
    assert looked(bench) is Result.PASS


def test_a_job_that_was_suspended_and_runs_again_is_not_off(bench: Bench) -> None:
    """The condition stays behind as False, and counts for nothing."""
    made(bench, suspend=True)
    bench.world.settle()
    blue = bench.doors.blue
    resource = next(r for r in blue.resources() if r.kind == "Job")
    blue.write(Write(Verb.PATCH, resource, JOB.name, JOB.namespace, {"spec": {"suspend": False}}))
    bench.world.settle()
    assert looked(bench) is Result.INCONCLUSIVE


SET = Ref("jobset.x-k8s.io", "JobSet", "default", "train")


def owned(kind: str, name: str, by: Ref, **rest: Any) -> Object:
    """An object that another controls; its UID is its name."""
    owner = {"kind": by.kind, "name": by.name, "uid": by.name, "controller": True}
    metadata = {"name": name, "namespace": "default", "uid": name, "ownerReferences": [owner]}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **rest}


@pytest.mark.parametrize(
    ("pod", "result"),
    [
        ("Running", Result.INCONCLUSIVE),
        ("Pending", Result.INCONCLUSIVE),
        ("Succeeded", Result.PASS),
        (None, Result.PASS),
    ],
)
def test_a_run_is_off_once_nothing_below_it_has_pods(pod: str | None, result: Result) -> None:
    """A JobSet's pods belong to its Jobs: one that has not ended still acts; owners that go round end the search."""
    run = {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": "train", "uid": "train"},
    }
    job = owned("Job", "train-w-0", SET)
    job["metadata"]["uid"] = "train-w-0"
    round_about = owned("JobSet", "train", Ref("batch", "Job", "default", "train-w-0"))
    children = {"train": [job], "train-w-0": [round_about]}
    if pod:
        above = Ref("batch", "Job", "default", "train-w-0")
        children["train-w-0"].append(owned("Pod", "train-w-0-x", above, status={"phase": pod}))
    assert run_off(children, run, SET).result is result

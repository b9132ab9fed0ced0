"""Workloads whose pods the server refuses: its words are told, and a steady refusal is not waited for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from migrate.actions.conditions import CONDITIONS
from migrate.actions.conditions.creation import EVENTS, STEADY, refusals
from migrate.actions.wait import Wait, wait
from migrate.doors.cluster import Verb, Write
from migrate.doors.doors import Doors
from migrate.errors import DoorError, Forbidden
from migrate.model.action import Outcome, OutcomeState
from migrate.model.ids import Side
from migrate.model.objects import Object, Ref, dig
from migrate.model.verdict import Result, Verdict
from migrate.simulation.faults import Fuse, behind
from tests.actions.conftest import Bench

QUOTA = 'pods "db-0" is forbidden: exceeded quota: few, requested: pods=1, used: pods=0, limited: pods=0'
LABELS = {"app": "db"}
WORKLOADS = {
    kind: Ref("apps", kind, "shop", "db") for kind in ("StatefulSet", "Deployment", "DaemonSet", "ReplicaSet")
}


def refused_workload(bench: Bench, kind: str = "StatefulSet") -> Object:
    """A workload on green of whose pods the server makes none: their class is missing."""
    ref = WORKLOADS[kind]
    pod = {"priorityClassName": "none", "containers": [{"name": "main", "image": "example/db:1"}]}
    template = {"metadata": {"labels": LABELS}, "spec": pod}
    spec: dict[str, Any] = {"selector": {"matchLabels": LABELS}, "template": template}
    if kind != "DaemonSet":
        spec["replicas"] = 2
    namespace = Ref("", "Namespace", "", "shop")
    for each, body in (
        (namespace, {"metadata": {"name": "shop"}}),
        (ref, {"metadata": {"name": "db"}, "spec": spec}),
    ):
        write(bench, each, body)
    bench.world.settle()
    found = bench.read(Side.GREEN, ref)
    assert found is not None
    return found


def write(bench: Bench, ref: Ref, body: dict[str, Any]) -> None:
    """Create an object on green as somebody else."""
    resource = next(r for r in bench.doors.green.resources() if (r.group, r.kind) == (ref.group, ref.kind))
    whole = {"apiVersion": resource.api_version, "kind": ref.kind, **body}
    bench.doors.green.write(Write(Verb.CREATE, resource, ref.name, ref.namespace, whole))


def told(bench: Bench, maker: Object, words: str, *, first: float, last: float, name: str = "e1") -> None:
    """Let a controller tell that its pods were refused, from and to so many seconds after now."""
    involved = {
        "kind": maker["kind"],
        "name": maker["metadata"]["name"],
        "namespace": "shop",
        "uid": maker["metadata"]["uid"],
    }
    event = {
        "metadata": {"name": name, "namespace": "shop"},
        "reason": "FailedCreate",
        "message": words,
        "type": "Warning",
        "involvedObject": involved,
        "firstTimestamp": at(bench, first),
        "lastTimestamp": at(bench, last),
        "count": 3,
    }
    write(bench, Ref("", "Event", "shop", name), event)


def at(bench: Bench, seconds: float) -> str:
    """A time as the server writes it, without fractions."""
    moment = bench.doors.clock.now() + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def look(
    bench: Bench, kind: str = "StatefulSet", since: datetime | None = None, doors: Doors | None = None
) -> Verdict:
    """Ask the condition once; the waiting began a minute ago where nothing else is said."""
    since = since or bench.doors.clock.now() - timedelta(minutes=1)
    params = {"refs": [WORKLOADS[kind].as_json()], "side": "green", "since": since}
    (verdict,) = CONDITIONS["workloads-ready"](doors or bench.doors, params)
    return verdict


@pytest.mark.parametrize(
    "before", ["", "Error creating: ", "(combined from similar events): Error creating: "]
)
def test_the_servers_words_are_told(bench: Bench, before: str) -> None:
    """Instead of "0 of 2 Ready" alone, with what the controller puts before them left out."""
    told(bench, refused_workload(bench), before + QUOTA, first=-3, last=-1)
    verdict = look(bench)
    assert verdict.result is Result.INCONCLUSIVE
    assert verdict.evidence == f"StatefulSet shop/db: 0 of 2 Ready; the server refuses its pods: {QUOTA}"
    assert "quota" in verdict.remedy


@pytest.mark.parametrize(
    ("first", "last", "words", "result"),
    [
        (-40, -1, QUOTA, Result.FAIL),
        (-10, -1, QUOTA, Result.INCONCLUSIVE),
        (-400, -61, QUOTA, Result.INCONCLUSIVE),
        (-400, -50, QUOTA, Result.INCONCLUSIVE),
        (-400, -1, QUOTA, Result.FAIL),
        (-40, -1, 'failed calling webhook "x": connection refused', Result.INCONCLUSIVE),
        (-40, -1, "status unknown for quota: few, resources: pods", Result.INCONCLUSIVE),
    ],
    ids=["steady", "new", "not met again", "met again once", "met again", "webhook", "uncounted"],
)
def test_what_is_steady_has_failed(
    bench: Bench, first: float, last: float, words: str, result: Result
) -> None:
    """A refusal that went on and was met again since the waiting began fails; what ends by itself does not."""
    told(bench, refused_workload(bench), words, first=first, last=last)
    verdict = look(bench)
    assert verdict.result is result
    assert words in verdict.evidence


def test_events_are_not_listed_before_one_can_be_steady(bench: Bench) -> None:
    """There may be thousands, and the condition of a ReplicaSet says enough until then."""
    told(bench, refused_workload(bench), QUOTA, first=-40, last=-1)
    before = bench.doors.green.requests()
    assert refusals(bench.doors.green, ["shop"], STEADY - timedelta(seconds=1)) == {}
    assert bench.doors.green.requests() == before
    assert refusals(bench.doors.green, ["shop"], STEADY)


def test_several_events_are_one_refusal(bench: Bench) -> None:
    """Each attempt of a ReplicaSet has another pod's name, and so an Event of its own."""
    maker = refused_workload(bench)
    told(bench, maker, "old words", first=-50, last=-50)
    told(bench, maker, QUOTA, first=-1, last=-1, name="e2")
    assert (look(bench).result, QUOTA in look(bench).evidence) == (Result.FAIL, True)


def test_a_deployments_replicaset_speaks_for_it(bench: Bench) -> None:
    """The ReplicaSet's Events are told of the Deployment; another object's are not."""
    maker = refused_workload(bench, "Deployment")
    told(bench, {**maker, "metadata": {**maker["metadata"], "uid": "other"}}, "not this", first=-9, last=-1)
    assert "refuses" not in look(bench, "Deployment").evidence
    replicas = next(r for r in bench.doors.green.resources() if r.name == "replicasets.apps")
    ((child,),) = bench.doors.green.pages(replicas, namespace="shop")
    told(bench, child, QUOTA, first=-40, last=-1, name="e2")
    assert look(bench, "Deployment").result is Result.FAIL


def test_without_events_the_condition_speaks(bench: Bench) -> None:
    """A ReplicaSet's ReplicaFailure is told where its Events are gone; how old it is it does not say."""
    maker = refused_workload(bench, "ReplicaSet")
    said = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": QUOTA}
    resource = next(r for r in bench.doors.green.resources() if r.name == "replicasets.apps")
    status = {"status": {**maker["status"], "conditions": [said]}}
    bench.doors.green.write(Write(Verb.PATCH, resource, "db", "shop", status, subresource="status"))
    verdict = look(bench, "ReplicaSet")
    assert (verdict.result, QUOTA in verdict.evidence) == (Result.INCONCLUSIVE, True)


def test_events_that_may_not_be_read_change_nothing(bench: Bench) -> None:
    """A missing right costs the words, not the judgement."""
    told(bench, refused_workload(bench), QUOTA, first=-40, last=-1)

    class Closed(Fuse):
        def around(self, words: str, call: Callable[[], Any]) -> Any:
            if words.startswith(f"read green {EVENTS.name}"):
                raise Forbidden("no", status=403)
            return call()

    verdict = look(bench, doors=behind(bench.doors, Closed()))
    assert (verdict.result, verdict.evidence) == (
        Result.INCONCLUSIVE,
        "StatefulSet shop/db: 0 of 2 Ready",
    )


def test_pods_that_were_made_in_the_end_are_only_waited_for(bench: Bench) -> None:
    """An old Event says nothing of a workload that has all its pods."""
    maker = refused_workload(bench, "ReplicaSet")
    told(bench, maker, QUOTA, first=-40, last=-1)
    write(
        bench,
        Ref("scheduling.k8s.io", "PriorityClass", "", "none"),
        {"metadata": {"name": "none"}, "value": 5},
    )
    for _ in range(3):
        bench.world.settle()
        bench.doors.clock.sleep(30)
    verdict = look(bench, "ReplicaSet", since=bench.doors.clock.now() - timedelta(days=1))
    found = bench.read(Side.GREEN, WORKLOADS["ReplicaSet"])
    assert dig(found, "status", "replicas") == 2
    assert "refuses" not in verdict.evidence


def waited(bench: Bench, **params: Any) -> tuple[Outcome, float]:
    """Wait ten minutes for the workload; the outcome, and after how many seconds it came."""
    handler = Wait(bench.doors, CONDITIONS, bench.events.append, bench.stop, bench.lock)
    refs = [WORKLOADS["StatefulSet"].as_json()]
    began = bench.doors.clock.now()
    (outcome,) = handler.act([wait("workloads-ready", "it", 600.0, side="green", refs=refs, **params)])
    return outcome, (bench.doors.clock.now() - began).total_seconds()


def test_a_steady_refusal_ends_the_wait(bench: Bench) -> None:
    """With `failureEnds` the wait fails at the refusal, with the server's words; without it, at the deadline."""
    told(bench, refused_workload(bench), QUOTA, first=1, last=30)
    outcome, seconds = waited(bench, failureEnds=True)
    assert (outcome.state, seconds < 20) == (OutcomeState.FAILED, True)
    assert QUOTA in outcome.evidence
    told(bench, refused(bench), QUOTA, first=1, last=700, name="e2")
    assert waited(bench)[1] == pytest.approx(600, abs=1)


def refused(bench: Bench) -> Object:
    """The workload that stands already."""
    found = bench.read(Side.GREEN, WORKLOADS["StatefulSet"])
    assert found is not None
    return found


def test_a_lost_cluster_ends_no_wait(bench: Bench) -> None:
    """A look that is lost is no failure of the workload."""
    refused_workload(bench)

    class Away(Fuse):
        def around(self, words: str, call: Callable[[], Any]) -> Any:
            if words.startswith(f"read green {EVENTS.name}"):
                raise DoorError("away")
            return call()

    handler = Wait(behind(bench.doors, Away()), CONDITIONS, bench.events.append, bench.stop, bench.lock)
    refs = [WORKLOADS["StatefulSet"].as_json()]
    action = wait("workloads-ready", "it", 6.0, side="green", refs=refs, failureEnds=True)
    (outcome,) = handler.act([action])
    assert [v.result for v in outcome.verdicts] == [Result.INCONCLUSIVE]

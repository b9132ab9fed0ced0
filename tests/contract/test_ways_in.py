"""What is let go of and put back as an API server takes it, on both sides: addresses, ports, classes, missed times."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from migrate.actions.count import Count, count_from_now
from migrate.actions.directory import Directory
from migrate.actions.patch import Patch, patch
from migrate.actions.reach import Reach
from migrate.cli.wiring import SystemClock
from migrate.doors.doors import Doors
from migrate.engine.bodies import Bodies
from migrate.model.action import Action, OutcomeState
from migrate.model.ids import RunId, Side
from migrate.model.objects import Object, dig, ref_of
from migrate.replay import hold
from migrate.replay.sanitise import sanitise
from tests.contract.conftest import Bench
from tests.contract.objects import container, service

YEARS_AGO = "2020-02-02T00:00:00Z"
LOCAL = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "loadBalancerIP": "192.0.2.7"}


def reach(bench: Bench) -> Reach:
    """The bench's cluster for handlers, whichever side they ask for."""
    doors = cast("Doors", SimpleNamespace(cluster=lambda _: bench.cluster))
    return Reach(Directory(doors), Bodies(), RunId("contract"))


def patched(bench: Bench, obj: Object, change: Object) -> Action:
    """Patch an object as a step would; the Action with its way back."""
    handler = Patch(reach(bench))
    (action,) = handler.prepare([patch(Side.GREEN, ref_of(obj), change, why="release")])
    (outcome,) = handler.act([action])
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    return action


def taken_back(bench: Bench, obj: Object, action: Action) -> None:
    """Do the way back that an Action recorded."""
    assert action.inverse is not None
    patched(bench, obj, action.inverse.params["patch"])


def spec_of(bench: Bench, obj: Object) -> Any:
    """The spec as it stands."""
    return dig(bench.get(obj), "spec")


def cron_job(bench: Bench, namespace: str, name: str) -> Object:
    """A CronJob that sleeps, and was due every year since it last ran."""
    pod = {"restartPolicy": "Never", "containers": [container("main")]}
    spec = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    metadata = {"name": name, "namespace": namespace}
    made = bench.create({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec})
    bench.patch(made, {"status": {"lastScheduleTime": YEARS_AGO}}, subresource="status")
    return made


def jobs(bench: Bench, namespace: str) -> set[str]:
    """The CronJobs that have started something."""
    found = [
        j for page in bench.cluster.pages(bench.resource("Job", "batch"), namespace=namespace) for j in page
    ]
    return {owner["name"] for job in found for owner in job["metadata"]["ownerReferences"]}


def test_a_cronjob_that_counts_from_now_makes_up_for_nothing(bench: Bench, namespace: str) -> None:
    """Both wake at the same time; the one that only wakes runs what it missed last at once."""
    woken, counted = cron_job(bench, namespace, "woken"), cron_job(bench, namespace, "counted")
    (outcome,) = Count(reach(bench), SystemClock()).act([count_from_now(Side.BLUE, ref_of(counted))])
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    for sleeping in (counted, woken):
        bench.patch(sleeping, {"spec": {"suspend": False}})
    bench.until("Job of the one that only woke", lambda: "woken" in jobs(bench, namespace))
    assert jobs(bench, namespace) == {"woken"}


def test_what_is_gone_need_not_count(bench: Bench, namespace: str) -> None:
    """A CronJob that somebody deleted meanwhile does not hold up the way back."""
    gone = cron_job(bench, namespace, "gone")
    bench.delete(gone)
    (outcome,) = Count(reach(bench), SystemClock()).act([count_from_now(Side.BLUE, ref_of(gone))])
    assert outcome.state is OutcomeState.DONE


@pytest.mark.parametrize("policy", ["Local", "Cluster"])
def test_a_balancer_at_rest_gets_its_very_ports_again(bench: Bench, namespace: str, policy: str) -> None:
    """The node ports and the port of the health check, although others asked for ports meanwhile."""
    # a port is given once in a cluster, and these two tests may share one
    port = 32701 if policy == "Local" else 32703
    published = [{"port": 80, "targetPort": 8080, "nodePort": port, "protocol": "TCP"}]
    health = {"healthCheckNodePort": 32702} if policy == "Local" else {}
    spec: dict[str, Any] = {**LOCAL, "externalTrafficPolicy": policy, **health, "ports": published}
    before = bench.create(service(namespace, **spec))
    _, record = hold.inert(sanitise(before))
    assert record.rest_blue is not None
    rest = patched(bench, before, record.rest_blue)
    assert "healthCheckNodePort" not in spec_of(bench, before)
    for number in range(5):
        bench.create(
            service(namespace, f"other-{number}", **{**LOCAL, "loadBalancerIP": f"192.0.2.1{number}"})
        )
    taken_back(bench, before, rest)
    assert spec_of(bench, before) == before["spec"]


def test_a_balancer_is_let_go_of_and_put_back(bench: Bench, namespace: str) -> None:
    """Released it has what blue's has, its node port too; put back it has no address and no port outside."""
    blue = service(
        namespace, **LOCAL, ports=[{"port": 80, "targetPort": 8080, "nodePort": 31999, "protocol": "TCP"}]
    )
    target, record = hold.inert(sanitise(blue))
    made = bench.create(target)
    released = patched(bench, made, record.release)
    stands = spec_of(bench, made)
    assert (stands["type"], stands["externalTrafficPolicy"]) == ("LoadBalancer", "Local")
    assert stands["ports"][0]["nodePort"] == 31999
    assert stands["healthCheckNodePort"] >= 30000
    taken_back(bench, made, released)
    assert spec_of(bench, made) == made["spec"]


def test_an_ingress_is_let_go_of_and_put_back(bench: Bench, namespace: str) -> None:
    """By its class, or by the annotation that may not stand beside one."""
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    notes = {"kubernetes.io/ingress.class": "nginx"}
    for name, extra, more in (
        ("new", {}, {"ingressClassName": "nginx"}),
        ("old", {"annotations": notes}, {}),
    ):
        blue = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": name, "namespace": namespace, **extra},
            "spec": {"defaultBackend": backend, **more},
        }
        target, record = hold.parked(sanitise(blue))
        made = bench.create(target)
        released = patched(bench, made, record.release)
        assert spec_of(bench, made) == {"defaultBackend": backend, **more}
        taken_back(bench, made, released)
        assert spec_of(bench, made) == made["spec"]

"""Addresses and autoscalers as the waits see them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from migrate.actions.conditions import CONDITIONS
from migrate.actions.conditions.addresses import CLEANUP, GRACE, STALE, gives_addresses
from migrate.doors.cluster import Verb, Write
from migrate.model.objects import Object, Ref
from migrate.model.verdict import Result, Verdict
from migrate.simulation.served import resource
from tests.actions.conftest import Bench
from tests.replay.builders import deployment, inventory, obj, service

WEB = Ref("", "Service", "shop", "web")
SCALER = Ref("autoscaling", "HorizontalPodAutoscaler", "shop", "web")
IP = {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}


def judged(bench: Bench, condition: str, ref: Ref, **params: Any) -> Verdict:
    """One look at one object."""
    (verdict,) = CONDITIONS[condition](bench.doors, {"refs": [ref.as_json()], **params})
    return verdict


def change(bench: Bench, body: Object, subresource: str = "") -> None:
    """Patch blue's Service."""
    write = Write(Verb.PATCH, resource("services"), WEB.name, WEB.namespace, body, subresource=subresource)
    bench.doors.blue.write(write)


@pytest.mark.parametrize(
    ("finalizer", "result"),
    [
        (CLEANUP, Result.INCONCLUSIVE),
        ("service.k8s.aws/resources", Result.INCONCLUSIVE),
        ("gke.networking.io/l4-netlb-v2", Result.INCONCLUSIVE),
        ("shop.example/audit", Result.PASS),
    ],
)
def test_a_load_balancer_that_is_being_taken_away_still_has_its_address(
    bench: Bench, finalizer: str, result: Result
) -> None:
    """Its controller's finalizer says so when the status has no address any more; anybody else's says nothing of it."""
    change(bench, {"metadata": {"finalizers": [finalizer]}})
    assert judged(bench, "addresses-freed", WEB, side="blue").result is result


def test_an_address_is_free_once_nobody_shows_it(bench: Bench) -> None:
    """A cloud's finalizer is waited for however long it takes; a status that nobody looks after is not."""
    look = {"side": "blue", "since": bench.world.clock().now()}
    assert judged(bench, "addresses-freed", WEB, **look).result is Result.PASS
    change(bench, {"spec": {"type": "LoadBalancer", "loadBalancerClass": "none"}})
    change(bench, {"status": IP}, "status")
    assert judged(bench, "addresses-freed", WEB, **look).result is Result.INCONCLUSIVE
    bench.world.clock().sleep(STALE.total_seconds() + 1)
    late = judged(bench, "addresses-freed", WEB, **look)
    assert late.result is Result.PASS
    assert "192.0.2.7" in late.evidence
    change(bench, {"metadata": {"finalizers": [CLEANUP]}})
    bench.world.clock().sleep(timedelta(hours=1).total_seconds())
    assert judged(bench, "addresses-freed", WEB, **look).result is Result.INCONCLUSIVE


def test_an_address_is_given_once_the_status_has_it(bench: Bench) -> None:
    """What is not there has none either."""
    absent = judged(bench, "addresses-given", WEB)
    assert absent.result is Result.INCONCLUSIVE
    assert "describe" in absent.remedy


def test_nobody_is_waited_for_who_is_not_there(bench: Bench) -> None:
    """After a moment it is told that nobody on green gives addresses; with an address elsewhere it is waited for."""
    began = bench.world.clock().now()
    bench.world.clock().sleep(GRACE.total_seconds() + 1)
    told = judged(bench, "addresses-given", WEB, since=began)
    assert told.result is Result.PASS
    assert "nobody on green gives any" in told.evidence
    other = {**service("other", "default", type="LoadBalancer")}
    green = bench.doors.green
    green.write(Write(Verb.CREATE, resource("services"), "other", "default", other))
    bench.world.settle()
    assert judged(bench, "addresses-given", WEB, since=began).result is Result.INCONCLUSIVE


def test_an_autoscaler_without_a_word_has_not_begun(bench: Bench) -> None:
    """Neither is one active that is not there."""
    assert "said nothing yet" in judged(bench, "autoscalers-active", SCALER).evidence


@pytest.mark.parametrize(
    ("green", "gives"),
    [
        (service("web", type="LoadBalancer", status=IP), False),
        ({**service("web", type="LoadBalancer"), "status": IP}, True),
        (obj("Node", "n", spec={"providerID": "aws:///eu/i-1"}), True),
        (obj("Node", "n", spec={"providerID": "kind://docker/n"}), False),
        (
            deployment("m", pod={"containers": [{"name": "a", "image": "quay.io/metallb/controller:v0.14"}]}),
            True,
        ),
        (
            deployment(
                "m",
                replicas=0,
                pod={"containers": [{"name": "a", "image": "quay.io/metallb/controller:v0.14"}]},
            ),
            False,
        ),
        (deployment("web"), False),
    ],
    ids=["a wish", "an address", "a cloud", "no cloud", "an announcer", "an announcer at rest", "anybody"],
)
def test_who_gives_addresses_is_seen_by_signs(green: Object, gives: bool) -> None:
    """An address that stands, a cloud's nodes, an announcer that runs."""
    assert gives_addresses(inventory(green)) is gives

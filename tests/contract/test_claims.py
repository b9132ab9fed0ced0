"""When a claim is waited for, and when it waits itself: on both sides of the cluster door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from migrate.actions.conditions import CONDITIONS
from migrate.actions.conditions.claims import pending_of
from migrate.doors.doors import Doors
from migrate.model.ids import Side
from migrate.model.objects import ref_of
from migrate.model.verdict import Result, Verdict
from tests.contract.conftest import Bench

DRIVER = "csi.example.com"


def storage_class(mode: str) -> dict[str, Any]:
    """A class that nobody provisions for, under a name of its own."""
    metadata = {"name": f"contract-{uuid4().hex[:8]}"}
    kind = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": metadata}
    return {**kind, "provisioner": DRIVER, "volumeBindingMode": mode}


def claim(namespace: str, of_class: str, name: str = "data") -> dict[str, Any]:
    """A claim of a class."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": of_class,
        },
    }


def volume(of_class: str) -> dict[str, Any]:
    """A volume made by hand that fits the claim."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"contract-{uuid4().hex[:8]}"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "storageClassName": of_class,
            "hostPath": {"path": "/nowhere"},
        },
    }


def look(bench: Bench, *claims: dict[str, Any], **params: Any) -> list[Verdict]:
    """Ask the condition once."""
    clock = SimpleNamespace(now=lambda: datetime.now(UTC))
    doors = cast("Doors", SimpleNamespace(cluster=lambda side: bench.cluster, clock=clock))
    asked = {"what": "claims on green", "refs": [ref_of(c).as_json() for c in claims], **params}
    return list(CONDITIONS["claims-bound"](doors, asked))


def test_a_claim_whose_class_waits_for_a_consumer_is_named_and_not_waited_for(
    bench: Bench, namespace: str
) -> None:
    """Nothing asks for it before the start: it stays Pending, and that is right."""
    made = storage_class("WaitForFirstConsumer")
    bench.create(made)
    asked = claim(namespace, made["metadata"]["name"])
    bench.create(asked)
    (verdict,) = look(bench, asked)
    assert verdict.passed
    assert f"0 Bound; 1 waiting for their first consumer: {namespace}/data" in verdict.evidence
    bench.delete(made)


def test_a_claim_that_should_be_bound_is_waited_for(bench: Bench, namespace: str) -> None:
    """Until a volume is there, the claim is named; then it counts as Bound."""
    made = storage_class("Immediate") | {"provisioner": "kubernetes.io/no-provisioner"}
    bench.create(made)
    asked = claim(namespace, made["metadata"]["name"])
    bench.create(asked)
    (verdict,) = look(bench, asked)
    assert verdict.result is Result.INCONCLUSIVE
    assert f"PersistentVolumeClaim {namespace}/data is Pending" in verdict.evidence
    assert look(bench, asked, unbound=[str(ref_of(asked))])[0].passed
    bench.create(volume(made["metadata"]["name"]))
    bench.until("bound claim", lambda: look(bench, asked)[0].passed)
    (verdict,) = look(bench, asked)
    assert verdict.evidence == "claims: 1 Bound"
    bench.delete(made)


def test_a_claim_that_is_gone_has_failed(bench: Bench, namespace: str) -> None:
    """Waiting brings nothing back."""
    (verdict,) = look(bench, claim(namespace, "any"))
    assert verdict.result is Result.FAIL


@pytest.mark.lab
def test_the_servers_words_are_told(real_bench: Bench) -> None:
    """A class that green has not: the binding controller says so in an Event, and a pod's claim is found by it."""
    namespace = real_bench.namespace()
    asked = claim(namespace, "gone-class")
    real_bench.create(asked)
    words = 'storageclass.storage.k8s.io "gone-class" not found'
    real_bench.until("words", lambda: words in look(real_bench, asked)[0].evidence)
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    pod = {"metadata": {"namespace": namespace}, "spec": {"volumes": volumes}}
    assert pending_of(real_bench.cluster, pod) == f"its claim data is Pending: {words}"


def test_provisioning_that_goes_on_to_fail_is_not_waited_for(simulated_bench: Bench) -> None:
    """After a minute of the same Event the claim has failed, in its words; before that it is waited for."""
    namespace = simulated_bench.namespace()
    asked = claim(namespace, "gone-class")
    made = simulated_bench.create(asked)
    now = datetime.now(UTC)
    simulated_bench.create(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "e1", "namespace": namespace},
            "reason": "ProvisioningFailed",
            "message": "storage says no",
            "involvedObject": {"uid": made["metadata"]["uid"]},
            "firstTimestamp": (now - timedelta(seconds=90)).isoformat(),
            "lastTimestamp": now.isoformat(),
        }
    )
    (young,) = look(simulated_bench, asked, since=now - timedelta(seconds=30))
    (old,) = look(simulated_bench, asked, since=now - timedelta(seconds=80))
    assert (young.result, old.result) == (Result.INCONCLUSIVE, Result.FAIL)
    assert old.evidence.endswith("is Pending, of class gone-class: storage says no")
    assert Side.GREEN is simulated_bench.cluster.side

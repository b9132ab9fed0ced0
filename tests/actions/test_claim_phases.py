"""What a claim's phase means is the same to every wait for claims."""

from __future__ import annotations

import pytest

from migrate.actions.conditions import CONDITIONS
from migrate.doors.cluster import Verb, Write
from migrate.model.ids import Side
from migrate.model.objects import Object, Ref
from migrate.model.verdict import Result
from tests.actions.conftest import Bench

CLAIM = Ref("", "PersistentVolumeClaim", "default", "data")
VOLUME = Ref("", "PersistentVolume", "", "disk-1")
ASKED = {
    "claims-bound": {"what": "claims on green", "refs": [CLAIM.as_json()]},
    "volumes-bound": {
        "side": Side.GREEN.value,
        "claims": [{"claim": CLAIM.as_json(), "volume": VOLUME.as_json()}],
    },
}


def in_phase(bench: Bench, phase: str) -> None:
    """A claim of green that is in a phase, and names its volume."""
    green = bench.doors.green
    resource = next(r for r in green.resources() if r.kind == CLAIM.kind)
    body: Object = {
        "apiVersion": "v1",
        "kind": CLAIM.kind,
        "metadata": {"name": CLAIM.name, "namespace": CLAIM.namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": "",
            "volumeName": VOLUME.name,
        },
    }
    green.write(Write(Verb.CREATE, resource, CLAIM.name, CLAIM.namespace, body))
    change = {"status": {"phase": phase}}
    green.write(Write(Verb.PATCH, resource, CLAIM.name, CLAIM.namespace, change, subresource="status"))


@pytest.mark.parametrize("condition", ASKED)
@pytest.mark.parametrize(
    ("phase", "result"),
    [("Bound", Result.PASS), ("Pending", Result.INCONCLUSIVE), ("Lost", Result.FAIL)],
)
def test_a_lost_claim_is_waited_for_by_nobody(
    bench: Bench, condition: str, phase: str, result: Result
) -> None:
    """Bound is what is waited for, Pending may become it, Lost never does."""
    in_phase(bench, phase)
    (verdict,) = CONDITIONS[condition](bench.doors, {**ASKED[condition], "since": bench.doors.clock.now()})
    assert verdict.result is result, verdict


@pytest.mark.parametrize("condition", ASKED)
def test_a_claim_that_is_gone_is_waited_for_by_nobody(bench: Bench, condition: str) -> None:
    """Nobody makes it while it is waited for."""
    (verdict,) = CONDITIONS[condition](bench.doors, ASKED[condition])
    assert (verdict.result, verdict.evidence) == (Result.FAIL, f"{CLAIM} is not there")

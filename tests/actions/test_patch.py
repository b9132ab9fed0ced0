"""Merge patches against the simulated API server: the way back, and blue as it was read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from migrate.actions.patch import patch
from migrate.model.action import Action, Outcome, OutcomeState, State
from migrate.model.ids import Side
from migrate.model.objects import annotations_of, dig
from migrate.simulation.faults import Fuse, behind
from tests.actions.conftest import Bench
from tests.actions.objects import WEB

CHANGE = {"spec": {"replicas": 0}, "metadata": {"annotations": {"note": "x"}}}


def patched(bench: Bench, action: Action) -> tuple[Action, Outcome]:
    """Patch one object."""
    (prepared,) = bench.patch.prepare([action])
    (outcome,) = bench.patch.act([prepared])
    return prepared, outcome


def test_a_patch_and_its_inverse(bench: Bench) -> None:
    """A patch changes what it says, and its inverse puts everything back, absent keys included."""
    before = bench.read(Side.BLUE, WEB)
    prepared, outcome = patched(bench, patch(Side.BLUE, WEB, CHANGE, why="rest"))
    assert outcome.state is OutcomeState.DONE
    assert dig(bench.read(Side.BLUE, WEB), "spec", "replicas") == 0
    assert bench.patch.observe(prepared).state is State.DONE
    assert prepared.inverse is not None
    assert bench.patch.observe(prepared.inverse).state is State.ABSENT
    _, back = patched(bench, prepared.inverse)
    assert back.state is OutcomeState.DONE
    after = bench.read(Side.BLUE, WEB)
    assert dig(after, "spec") == dig(before, "spec")
    assert annotations_of(after or {}) == annotations_of(before or {})


def test_a_patch_of_what_is_not_there(bench: Bench) -> None:
    """A patch of a missing object fails; the way back over one that is gone is done."""
    gone = WEB._replace(name="gone")
    prepared, outcome = patched(bench, patch(Side.BLUE, gone, CHANGE, why="rest"))
    assert (outcome.state, prepared.inverse) == (OutcomeState.FAILED, None)
    assert bench.patch.observe(prepared).state is State.ABSENT
    prepared, _ = patched(bench, patch(Side.BLUE, WEB, CHANGE, why="rest"))
    assert prepared.inverse is not None
    lost = replace(prepared.inverse, params={**prepared.inverse.params, "ref": gone.as_json()})
    (outcome,) = bench.patch.act([lost])
    assert outcome.state is OutcomeState.DONE
    assert bench.patch.observe(lost).state is State.DONE


def test_a_patch_that_the_server_does_not_take(bench: Bench) -> None:
    """A server that answers with the object unchanged has not done it."""

    class Deaf(Fuse):
        def around(self, words: str, call: Any) -> Any:
            return (
                {"kind": "Deployment", "spec": {"replicas": 2}} if words.startswith("write patch") else call()
            )

    bench.doors = behind(bench.doors, Deaf())
    _, outcome = patched(bench, patch(Side.BLUE, WEB, CHANGE, why="rest"))
    assert outcome.state is OutcomeState.FAILED
    assert "did not take the change" in outcome.evidence


def test_a_refused_patch(bench: Bench) -> None:
    """A refused patch fails with the server's words, and the object is as before."""
    bench.world.failures.refuse(Side.BLUE, verb="patch", message="denied by policy")
    _, outcome = patched(bench, patch(Side.BLUE, WEB, CHANGE, why="rest"))
    assert outcome.state is OutcomeState.FAILED
    assert outcome.evidence == "changing Deployment shop/web on blue: denied by policy"
    assert dig(bench.read(Side.BLUE, WEB), "spec", "replicas") == 2


def test_an_offered_object_that_changed_since_is_read_anew(bench: Bench) -> None:
    """What the step had read is used once; after it proved stale, the next attempt goes back to what stands now."""
    action = patch(Side.BLUE, WEB, CHANGE, why="rest")
    bench.bodies.offer({action.key: bench.read(Side.BLUE, WEB) or {}})
    patched(bench, patch(Side.BLUE, WEB, {"spec": {"replicas": 5}}, why="theirs"))
    prepared, outcome = patched(bench, action)
    assert (outcome.state, outcome.facts) == (OutcomeState.FAILED, {"stale": True})
    assert prepared.prior["spec"] == {"replicas": 2}
    prepared, outcome = patched(bench, action)
    assert outcome.state is OutcomeState.DONE
    assert prepared.prior["spec"] == {"replicas": 5}

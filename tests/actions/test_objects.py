"""Create, apply, patch and delete against the simulated API servers and their faults."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migrate.actions.directory import Directory
from migrate.actions.objects import apply, create, delete, patch, target_of
from migrate.errors import NotFound, Unreachable
from migrate.model import marks
from migrate.model.action import Action, Outcome, OutcomeState, State
from migrate.model.ids import Side
from migrate.model.objects import Object, Ref, annotations_of, dig
from migrate.simulation.faults import Fuse, behind
from tests.actions.conftest import RUN, Bench

CONFIG = Ref("", "ConfigMap", "default", "settings")
WEB = Ref("apps", "Deployment", "shop", "web")
NOWHERE = Ref("example.com", "Widget", "default", "w")


def body(run: str = RUN, digest: str = "h1", **data: str) -> Object:
    """A ConfigMap with our marks."""
    annotations = {marks.RUN: run, marks.SOURCE_HASH: digest}
    metadata = {"name": CONFIG.name, "namespace": CONFIG.namespace, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": "v", **data}}


def creation(ref: Ref = CONFIG, digest: str = "h1") -> Action:
    """Create the ConfigMap."""
    return create(ref, key_hash=digest, rule="replay.default", wave=6, command="")


def application(side: Side = Side.GREEN, **more: Any) -> Action:
    """Apply the ConfigMap."""
    return apply(side, CONFIG, body_hash="h1", command="", source="calico", **more)


def created(bench: Bench, action: Action, obj: Object | None = None) -> Outcome:
    """Create one object."""
    bench.bodies.offer({action.key: obj or body()})
    (outcome,) = bench.create.act(bench.create.prepare([action]))
    return outcome


# --- create ------------------------------------------------------------------------------------------------------


def test_create_reads_the_reply(bench: Bench) -> None:
    """A created object stands, and its outcome carries the server's UID."""
    assert bench.create.observe(creation()).state is State.ABSENT
    outcome = created(bench, creation())
    assert outcome.state is OutcomeState.DONE
    assert outcome.facts["uid"] == dig(bench.read(Side.GREEN, CONFIG), "metadata", "uid")
    assert bench.create.observe(creation()).state is State.DONE


def test_create_adopts_its_own(bench: Bench) -> None:
    """An object of this run with the same hash is adopted, and created once."""
    created(bench, creation())
    assert created(bench, creation()).state is OutcomeState.ADOPTED
    assert bench.world.effects()["create green configmaps default/settings"] == 1


@pytest.mark.parametrize("there", [body(run="another"), body(digest="h0")])
def test_create_leaves_what_is_foreign(bench: Bench, there: Object) -> None:
    """What another run, or an earlier state of blue, has put there is foreign: unknown, with a remedy, untouched."""
    created(bench, creation(), there)
    outcome = created(bench, creation())
    assert (outcome.state, outcome.facts["foreign"]) == (OutcomeState.UNKNOWN, True)
    assert "workloads.rules" in outcome.remedy
    assert bench.create.observe(creation()).state is State.FOREIGN
    assert annotations_of(bench.read(Side.GREEN, CONFIG) or {}) == annotations_of(there)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        ("invalid", OutcomeState.FAILED), ("forbidden", OutcomeState.FAILED), ("transient", OutcomeState.FAILED),
        ("unreachable", OutcomeState.UNKNOWN),
    ],
)  # fmt: skip
def test_create_refused(bench: Bench, error: str, state: OutcomeState) -> None:
    """A refusal is a failure with a remedy; silence leaves the act in doubt."""
    bench.world.failures.refuse(Side.GREEN, resource="configmaps", error=error, message="no thanks")
    outcome = created(bench, creation())
    assert outcome.state is state
    assert "green refused ConfigMap default/settings: no thanks" in outcome.evidence
    assert bool(outcome.remedy) is (state is OutcomeState.FAILED)


def test_create_answered_with_something_else(bench: Bench) -> None:
    """A reply without our mark is a failure: a webhook that strips it would leave us without proof."""
    outcome = created(bench, creation(), {**body(), "metadata": {"name": "settings", "namespace": "default"}})
    assert outcome.state is OutcomeState.DONE  # nothing was marked, nothing was lost

    class Stripping(Fuse):
        def around(self, words: str, call: Any) -> Any:
            answer = call()
            return {**answer, "metadata": {"name": "x"}} if words.startswith("write") else answer

    bench.doors = behind(bench.doors, Stripping())
    other = replace(CONFIG, name="others")
    assert created(bench, creation(other), body()).state is OutcomeState.FAILED


def test_create_without_its_body(bench: Bench) -> None:
    """An Action whose body this process has not read fails without a request; the step offers it anew."""
    bench.bodies.offer({})
    (outcome,) = bench.create.act([creation()])
    assert outcome.state is OutcomeState.FAILED
    assert bench.read(Side.GREEN, CONFIG) is None


def test_creates_keep_their_order(bench: Bench) -> None:
    """Outcomes come in the order of the Actions, with one failure in the middle its own."""
    refs = [replace(CONFIG, name=f"c{n}") for n in range(3)]
    actions = [creation(ref) for ref in refs]
    bench.bodies.offer(
        {
            a.key: {**body(), "metadata": {**body()["metadata"], "name": r.name}}
            for a, r in zip(actions, refs, strict=True)
        }
    )
    bench.world.failures.refuse(Side.GREEN, name="c1")
    states = [o.state for o in bench.create.act(actions)]
    assert states == [OutcomeState.DONE, OutcomeState.FAILED, OutcomeState.DONE]


def test_a_kind_that_is_not_served(bench: Bench) -> None:
    """An object of a kind that green does not serve fails with words, and is absent when looked for."""
    assert created(bench, creation(NOWHERE)).state is OutcomeState.FAILED
    assert bench.create.observe(creation(NOWHERE)).state is State.ABSENT
    with pytest.raises(NotFound, match=r"serves no Widget of group 'example\.com'"):
        Directory(bench.doors).resource(Side.GREEN, NOWHERE)


# --- delete ------------------------------------------------------------------------------------------------------


def test_the_inverse_of_a_create_deletes(bench: Bench) -> None:
    """What was created is deleted by the inverse, and gone when looked at."""
    created(bench, creation())
    back = creation().inverse
    assert back is not None
    assert bench.delete.observe(back).state is State.ABSENT
    (outcome,) = bench.delete.act(bench.delete.prepare([back]))
    assert outcome.state is OutcomeState.DONE
    assert bench.delete.observe(back).state is State.DONE
    assert bench.read(Side.GREEN, CONFIG) is None


def test_delete_of_what_is_gone(bench: Bench) -> None:
    """What is gone already is done, without an effect."""
    (outcome,) = bench.delete.act([delete(Side.GREEN, CONFIG, ours=True)])
    assert (outcome.state, outcome.evidence) == (
        OutcomeState.DONE,
        "ConfigMap default/settings is gone already",
    )
    assert not any(key.startswith("delete") for key in bench.world.effects())


def test_delete_spares_what_is_not_ours(bench: Bench) -> None:
    """With `ours`, an object that lost this run's mark stays; without, it goes."""
    created(bench, creation(), body(run="another"))
    (spared,) = bench.delete.act([delete(Side.GREEN, CONFIG, ours=True)])
    assert spared.state is OutcomeState.DONE
    assert bench.read(Side.GREEN, CONFIG) is not None
    (gone,) = bench.delete.act([delete(Side.GREEN, CONFIG, ours=False)])
    assert gone.state is OutcomeState.DONE
    assert bench.read(Side.GREEN, CONFIG) is None


@pytest.mark.parametrize(
    ("error", "state"), [("forbidden", OutcomeState.FAILED), ("unreachable", OutcomeState.UNKNOWN)]
)
def test_delete_refused(bench: Bench, error: str, state: OutcomeState) -> None:
    """A refused delete fails, an unanswered one is in doubt; the object stands."""
    created(bench, creation())
    bench.world.failures.refuse(Side.GREEN, verb="delete", error=error)
    (outcome,) = bench.delete.act([delete(Side.GREEN, CONFIG, ours=True)])
    assert outcome.state is state


def test_delete_in_a_lost_cluster(bench: Bench) -> None:
    """An object that cannot even be read is in doubt, and nothing was sent."""
    created(bench, creation())
    bench.world.failures.cut_api(Side.GREEN)
    action = delete(Side.GREEN, CONFIG, ours=True)
    with pytest.raises(Unreachable):
        Directory(bench.doors).resource(Side.GREEN, CONFIG)
    (outcome,) = bench.delete.act([action])
    assert outcome.state is OutcomeState.UNKNOWN


# --- apply -------------------------------------------------------------------------------------------------------


def applied(bench: Bench, action: Action, obj: Object | None = None) -> tuple[Action, Outcome]:
    """Apply one object."""
    bench.bodies.offer({action.key: obj or body()})
    (prepared,) = bench.apply.prepare([action])
    (outcome,) = bench.apply.act([prepared])
    return prepared, outcome


def test_apply_of_what_was_absent_is_deleted_again(bench: Bench) -> None:
    """Where nothing was, the way back is to delete."""
    prepared, outcome = applied(bench, application())
    assert outcome.state is OutcomeState.DONE
    assert prepared.inverse is not None
    assert prepared.inverse.kind == "delete"


def test_apply_of_what_was_there_has_no_way_back(bench: Bench) -> None:
    """Where something was, it is not deleted on the way back."""
    created(bench, creation())
    prepared, outcome = applied(bench, application(force=True), body(more="x"))
    assert (outcome.state, prepared.inverse) == (OutcomeState.DONE, None)
    assert dig(bench.read(Side.GREEN, CONFIG), "data", "more") == "x"


def test_apply_conflicts_with_another_owner(bench: Bench) -> None:
    """A field that another manager owns is not taken without force."""
    controller = bench.world._managed[Side.GREEN]
    from migrate.doors.cluster import Verb, Write

    resource = Directory(bench.doors).resource(Side.GREEN, CONFIG)
    controller.write(Write(Verb.CREATE, resource, CONFIG.name, CONFIG.namespace, body(k="theirs")))
    _, outcome = applied(bench, application(), body(k="ours"))
    assert outcome.state is OutcomeState.FAILED
    assert "Something else writes the same object" in outcome.remedy


def test_an_apply_in_doubt_is_adopted_with_its_way_back(bench: Bench) -> None:
    """An apply that was killed behind its effect is adopted: doing it again would find it there, and lose its inverse."""
    action = application()
    (prepared,) = bench.apply.prepare([action])
    assert bench.apply.observe(prepared).state is State.ABSENT
    bench.bodies.offer({action.key: body()})
    bench.apply.act([prepared])
    assert bench.apply.observe(prepared).state is State.DONE


def test_an_apply_in_doubt_over_another_object_is_done_again(bench: Bench) -> None:
    """What somebody else made in the meantime is not adopted as ours."""
    (prepared,) = bench.apply.prepare([application()])
    created(bench, creation())
    assert bench.apply.observe(prepared).state is State.PARTIAL


def test_apply_without_its_body(bench: Bench) -> None:
    """Without the body that its step offers, an apply fails without a request."""
    bench.bodies.offer({})
    (outcome,) = bench.apply.act([application()])
    assert outcome.state is OutcomeState.FAILED


# --- patch -------------------------------------------------------------------------------------------------------

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
    gone = replace(WEB, name="gone")
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
    assert "blue refused to change Deployment.apps shop/web: denied by policy" in outcome.evidence.replace(
        "Deployment shop", "Deployment.apps shop"
    )
    assert dig(bench.read(Side.BLUE, WEB), "spec", "replicas") == 2


def test_no_secret_is_a_parameter() -> None:
    """A create carries a hash and a name, and never the object."""
    action = creation()
    assert set(action.params) == {"side", "ref", "hash", "rule", "wave"}
    assert target_of(action) == (Side.GREEN, CONFIG)

"""Merge patches against the simulated API server: the way back, and blue as it was read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from migrate.actions.directory import Directory
from migrate.actions.notes import COPIES, LEFT
from migrate.actions.patch import patch
from migrate.doors.cluster import Verb, Write
from migrate.errors import DoorError, Forbidden, Transient, Unauthorized, Unreachable
from migrate.model import marks
from migrate.model.action import Action, Outcome, OutcomeState, State
from migrate.model.ids import Side
from migrate.model.objects import Object, Resource, annotations_of, controller_of, dig, name_of
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


def test_what_is_put_to_rest_says_itself_how_it_was(bench: Bench) -> None:
    """The note is the merge patch of the way back, null for what was absent, and takes itself away by anybody's hand."""
    before = bench.read(Side.BLUE, WEB)
    prepared, outcome = patched(bench, patch(Side.BLUE, WEB, CHANGE, why="rest", note=True))
    assert outcome.state is OutcomeState.DONE
    note = annotations_of(bench.read(Side.BLUE, WEB) or {})[marks.PRIOR]
    by_hand = json.loads(note)
    assert by_hand == {
        "metadata": {"annotations": {marks.PRIOR: None, "note": None}},
        "spec": {"replicas": 2},
    }
    assert prepared.inverse is not None
    assert prepared.inverse.params["patch"] == by_hand
    patched(bench, patch(Side.BLUE, WEB, by_hand, why="hand"))
    after = bench.read(Side.BLUE, WEB)
    assert dig(after, "spec") == dig(before, "spec")
    assert annotations_of(after or {}) == annotations_of(before or {})


def test_a_note_says_how_it_was_before_the_first(bench: Bench) -> None:
    """What is paused, and put to rest later, comes back by one note to how it was before either; each way back is exact."""
    pause = {"spec": {"paused": True, "replicas": 1}}
    first, _ = patched(bench, patch(Side.BLUE, WEB, pause, why="pause", note=True))
    said = annotations_of(bench.read(Side.BLUE, WEB) or {})[marks.PRIOR]
    rest = {"spec": {"replicas": 0, "minReadySeconds": 3}}
    second, _ = patched(bench, patch(Side.BLUE, WEB, rest, why="rest", note=True))
    note = json.loads(annotations_of(bench.read(Side.BLUE, WEB) or {})[marks.PRIOR])
    assert note["spec"] == {"paused": None, "replicas": 2, "minReadySeconds": None}
    assert second.inverse is not None
    patched(bench, second.inverse)
    assert annotations_of(bench.read(Side.BLUE, WEB) or {})[marks.PRIOR] == said
    assert first.inverse is not None
    patched(bench, first.inverse)
    assert marks.PRIOR not in annotations_of(bench.read(Side.BLUE, WEB) or {})


def test_a_note_that_somebody_spoilt_is_written_anew(bench: Bench) -> None:
    """It is read as a note only, never trusted: what it says now is how the object was found."""
    for spoilt in ("{", '"text"'):
        patched(
            bench, patch(Side.BLUE, WEB, {"metadata": {"annotations": {marks.PRIOR: spoilt}}}, why="hand")
        )
        back, _ = patched(bench, patch(Side.BLUE, WEB, {"spec": {"replicas": 0}}, why="rest", note=True))
        note = json.loads(annotations_of(bench.read(Side.BLUE, WEB) or {})[marks.PRIOR])
        assert note == {"metadata": {"annotations": {marks.PRIOR: None}}, "spec": {"replicas": 2}}
        assert back.inverse is not None
        patched(bench, back.inverse)


def with_copies(bench: Bench, note: str) -> tuple[Resource, Object, Object]:
    """ReplicaSets of blue, one of the noted Deployment and one of another, that both carry the note."""
    resource = Directory(bench.doors).resource(Side.BLUE, WEB._replace(kind="ReplicaSet"))
    (page,) = bench.doors.blue.pages(resource, namespace=WEB.namespace)
    mine = next(o for o in page if (controller_of(o) or {})["name"] == WEB.name)
    theirs = next(o for o in page if (controller_of(o) or {})["name"] != WEB.name)
    for made in (mine, theirs):
        change = {"metadata": {"annotations": {marks.PRIOR: note}}}
        bench.doors.blue.write(Write(Verb.PATCH, resource, name_of(made), WEB.namespace, change))
    return resource, mine, theirs


def rested_with_copies(bench: Bench) -> tuple[Action, str]:
    """The way back of a rest whose note was copied, and the name of the ReplicaSet that has the copy."""
    prepared, _ = patched(bench, patch(Side.BLUE, WEB, {"spec": {"replicas": 0}}, why="rest", note=True))
    _, mine, _ = with_copies(bench, annotations_of(bench.read(Side.BLUE, WEB) or {})[marks.PRIOR])
    assert prepared.inverse is not None
    return prepared.inverse, name_of(mine)


def test_a_copy_that_may_not_be_changed_is_told(bench: Bench) -> None:
    """The way back is done, and names what stays with the command that takes it away; in doubt it is done again."""
    back, name = rested_with_copies(bench)
    bench.world.failures.refuse(
        Side.BLUE, verb="patch", resource="replicasets.apps", error="forbidden", message="no right"
    )
    _, outcome = patched(bench, back)
    assert outcome.state is OutcomeState.DONE
    assert dig(bench.read(Side.BLUE, WEB), "spec", "replicas") == 2
    (said,) = outcome.facts[LEFT]
    assert said.startswith(f"our note stays on blue's ReplicaSet shop/{name} (no right); take it away: ")
    assert said.endswith(f"kubectl annotate replicaset.apps {name} -n shop cnimigrate.io/prior-")
    assert bench.patch.observe(back).state is State.ABSENT
    bench.world.failures.forgive()
    _, again = patched(bench, back)
    assert (again.state, dict(again.facts)) == (OutcomeState.DONE, {})
    assert bench.patch.observe(back).state is State.DONE


def test_copies_that_may_not_be_listed_are_told(bench: Bench) -> None:
    """A refusal leaves no handler: neither the act nor the look at one in doubt ends the run."""
    back, _ = rested_with_copies(bench)
    bench.doors = behind(
        bench.doors, Answering("read blue replicasets.apps", Forbidden("no right", status=403))
    )
    assert bench.patch.observe(replace(back, params={**back.params, COPIES: []})).state is State.ABSENT
    _, outcome = patched(bench, back)
    assert outcome.state is OutcomeState.DONE
    (said,) = outcome.facts[LEFT]
    assert said.startswith("our note may stay on what blue has made for Deployment shop/web (no right)")
    assert said.endswith("kubectl annotate replicaset.apps -n shop --all cnimigrate.io/prior-")
    assert bench.patch.observe(back).state is State.ABSENT


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Unauthorized("expired", status=401), OutcomeState.FAILED),
        (Transient("too many requests"), OutcomeState.FAILED),
        (Unreachable("no answer"), OutcomeState.UNKNOWN),
    ],
    ids=["unauthorized", "transient", "unreachable"],
)
@pytest.mark.parametrize("words", ["read blue replicasets.apps", "write patch blue replicasets.apps"])
def test_a_copy_about_which_nothing_was_decided_holds_the_way_back(
    bench: Bench, error: DoorError, state: OutcomeState, words: str
) -> None:
    """What a later try would decide is not told as left."""
    back, _ = rested_with_copies(bench)
    bench.doors = behind(bench.doors, Answering(words, error))
    _, outcome = patched(bench, back)
    assert (outcome.state, LEFT in outcome.facts) == (state, False)
    if words.startswith("read"):
        with pytest.raises(type(error)):
            bench.patch.observe(back)


class Answering(Fuse):
    """Raises an error in the place of every call that begins with some words."""

    def __init__(self, words: str, error: DoorError) -> None:
        super().__init__()
        self._words, self._error = words, error

    def around(self, words: str, call: Any) -> Any:
        """Make another call."""
        if words.startswith(self._words):
            raise self._error
        return call()


def test_the_way_back_takes_the_note_off_what_a_controller_copied_it_to(bench: Bench) -> None:
    """A Deployment's controller copies annotations to its ReplicaSets; in doubt, the way back is done once none has it."""
    prepared, _ = patched(bench, patch(Side.BLUE, WEB, {"spec": {"replicas": 0}}, why="rest", note=True))
    note = annotations_of(bench.read(Side.BLUE, WEB) or {})[marks.PRIOR]
    resource, _, theirs = with_copies(bench, note)
    assert prepared.inverse is not None
    bare = replace(prepared.inverse, params={**prepared.inverse.params, COPIES: []})
    patched(bench, bare)  # as one that was cut off behind its own write
    assert bench.patch.observe(prepared.inverse).state is State.ABSENT
    _, outcome = patched(bench, prepared.inverse)
    assert outcome.state is OutcomeState.DONE
    assert bench.patch.observe(prepared.inverse).state is State.DONE
    left = [o for page in bench.doors.blue.pages(resource, namespace=WEB.namespace) for o in page]
    assert [name_of(o) for o in left if marks.PRIOR in annotations_of(o)] == [name_of(theirs)]

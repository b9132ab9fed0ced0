"""Server-side applies against the simulated API server: what was there, and whose fields they are."""

from __future__ import annotations

from typing import Any

from migrate.actions.apply import BLUE, apply
from migrate.actions.directory import Directory
from migrate.doors.cluster import FIELD_MANAGER, Verb, Write
from migrate.model.action import Action, Outcome, OutcomeState, State
from migrate.model.ids import Side
from migrate.model.objects import Object, dig
from migrate.simulation.faults import Fuse, behind
from tests.actions.conftest import Bench
from tests.actions.objects import CONFIG, body, created, creation


def application() -> Action:
    """Apply the ConfigMap."""
    return apply(Side.GREEN, CONFIG, body_hash="h1", command="", source="calico")


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
    prepared, outcome = applied(bench, application(), body(more="x"))
    assert (outcome.state, prepared.inverse) == (OutcomeState.DONE, None)
    assert dig(bench.read(Side.GREEN, CONFIG), "data", "more") == "x"


def test_apply_conflicts_with_another_owner(bench: Bench) -> None:
    """A field that another manager owns is not taken without force."""
    controller = bench.world._managed[Side.GREEN]

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


def test_a_conflict_with_somebody_on_green_is_a_refusal_of_the_object(bench: Bench) -> None:
    """So a wave goes on past it, and tells it with what else was refused."""
    created(bench, creation())
    resource = Directory(bench.doors).resource(Side.GREEN, CONFIG)
    theirs = Write(Verb.PATCH, resource, CONFIG.name, CONFIG.namespace, {"data": {"k": "theirs"}})
    bench.world._managed[Side.GREEN].write(theirs)
    action = apply(Side.GREEN, CONFIG, body_hash="h2", command="", source=BLUE)
    _, outcome = applied(bench, action, body(digest="h2", k="ours"))
    assert "so has somebody else" in outcome.evidence
    assert outcome.refused


def test_what_would_leave_fields_behind_is_not_applied(bench: Bench) -> None:
    """What we wrote in another version of the API cannot be taken away by an apply; that is known before it is sent."""
    created(bench, creation())
    sent: list[str] = []

    class Older(Fuse):
        def around(self, words: str, call: Any) -> Any:
            answer = call()
            if words.startswith("write"):
                sent.append(words)
            elif words == "read green configmaps default/settings":
                older = {"manager": FIELD_MANAGER, "operation": "Update", "apiVersion": "v0", "fieldsV1": {}}
                answer["metadata"].setdefault("managedFields", []).append(older)
            return answer

    bench.doors = behind(bench.doors, Older())
    _, outcome = applied(bench, application(), body(more="x"))
    assert (outcome.state, outcome.refused, sent) == (OutcomeState.FAILED, True, [])
    assert "in another version of its API would stay" in outcome.evidence
    assert outcome.remedy.startswith("Delete it on green")

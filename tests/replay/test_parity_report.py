"""The report counts each object once, as the worst that was found of it, and tells causes and no values."""

from __future__ import annotations

from migrate.model.objects import Ref
from migrate.replay.causes import ADMITTED, COMPLETED
from migrate.replay.parity import DIFFERS, MISSING, Difference
from migrate.replay.parity_report import counts, report, summed
from tests.replay.builders import decide, deployment, obj, service

DECIDED = decide(
    deployment("web"), service("web"), *(obj("ConfigMap", name, "shop", data={"a": "b"}) for name in "abcd")
)


def differs(name: str, cause: str = "", reason: str = "", path: str = "data.a") -> Difference:
    """One path of a ConfigMap."""
    return Difference(
        Ref("", "ConfigMap", "shop", name),
        5,
        DIFFERS,
        (path,),
        (cause,) if cause else (),
        (reason,) if reason else (),
    )


FOUND = (
    Difference(Ref("", "ConfigMap", "shop", "a"), 5, MISSING),
    differs("b", ADMITTED),
    differs("c", reason="it is mine"),
    differs("d", ADMITTED, reason="it is mine"),
    differs("d", "changed since", path="data.b"),
)


def test_an_object_counts_once() -> None:
    """What is accepted in one part and differs in another, differs."""
    numbers = counts(DECIDED, FOUND)
    assert numbers == {
        "compared": 6,
        "equal": 2,
        "differing": 2,
        "admitted": 1,
        "accepted": 1,
        "completed": 0,
    }
    assert (
        summed(numbers) == "2 of 6 objects equal, 2 differ, 1 as green's admission wrote them, 1 as accepted"
    )
    assert summed(counts(DECIDED, ())) == "6 of 6 objects equal"


def test_what_green_completed_is_equal_and_counted_beside() -> None:
    """Unless something else of the same object differs."""
    found = (differs("a", COMPLETED), differs("b", COMPLETED), differs("b", "kubectl-edit", path="data.b"))
    numbers = counts(DECIDED, found)
    assert (numbers["equal"], numbers["differing"], numbers["completed"]) == (5, 1, 1)
    assert summed(numbers) == "5 of 6 objects equal, 1 differ, 1 of these completed by green"
    assert report(DECIDED, found, ())["kinds"]["ConfigMap"] == {"compared": 4, "equal": 3}


def test_what_was_found_is_told_by_kind_and_by_cause() -> None:
    """A path whose cause was not looked at says so."""
    told = report(DECIDED, FOUND, ())
    assert told["kinds"]["ConfigMap"] == {"compared": 4, "equal": 0}
    assert told["kinds"]["Deployment.apps"] == {"compared": 1, "equal": 1}
    assert told["what"] == {DIFFERS: 4, MISSING: 1}
    assert told["causes"] == {"changed since": 1, ADMITTED: 2, "not looked at": 1}
    assert len(told["differences"]) == len(FOUND)

"""When an object can be tried on green, where, and what an answer says of it."""

from __future__ import annotations

import pytest

from migrate.errors import AlreadyExists, DoorError, Forbidden, Invalid, NotFound, Transient
from migrate.model.decision import Decision, Form
from migrate.model.ids import RuleId
from migrate.model.objects import Ref
from migrate.replay import trial
from migrate.replay.trial import Said

CONFIG_MAP = ("", "ConfigMap")


def decision(kind: str = "ConfigMap", group: str = "") -> Decision:
    """An object of namespace `shop` that is to be written."""
    return Decision(Ref(group, kind, "shop", "a"), Form.REPLAYED, RuleId("default"), "", wave=5)


def test_what_waits_for_something_says_for_what() -> None:
    """A kind that is not served, and a pod without its namespace; all else can be tried."""
    assert (
        trial.later(decision("Thing", "example.com"), {CONFIG_MAP}, ()) == "its definition does not stand yet"
    )
    assert "ServiceAccount" in trial.later(decision("Pod"), {("", "Pod")}, ())
    assert not trial.later(decision("Pod"), {("", "Pod")}, {"shop"})
    assert not trial.later(decision(), {CONFIG_MAP}, ())


def test_what_has_no_namespace_yet_is_tried_in_another() -> None:
    """The body given is left as it was."""
    body = {"metadata": {"name": "a", "namespace": "shop"}}
    assert trial.placed(body, "shop", {"shop"}) is body
    assert trial.placed(body, "shop", {"default"})["metadata"] == {"name": "a", "namespace": "default"}
    assert body["metadata"]["namespace"] == "shop"


@pytest.mark.parametrize(
    ("answer", "own", "elsewhere"),
    [
        (Invalid("data[a b]: Invalid value", status=422), Said.REFUSED, Said.REFUSED),
        (Invalid("forbidden: exceeded quota", status=403), Said.REFUSED, Said.LATER),
        (Forbidden('User "x" cannot create', status=403), Said.REFUSED, Said.LATER),
        (Invalid('admission webhook "a" denied the request: no', status=400), Said.REFUSED, Said.LATER),
        (
            Invalid("ValidatingAdmissionPolicy 'p' with binding 'b' denied request", status=422),
            Said.REFUSED,
            Said.LATER,
        ),
        (Invalid('admission webhook "a" does not support dry run', status=400), Said.LATER, Said.LATER),
        (Transient('failed calling webhook "a"'), Said.LATER, Said.LATER),
        (NotFound("no such kind", status=404), Said.LATER, Said.LATER),
        (AlreadyExists("already exists", status=409), Said.STANDS, Said.TAKEN),
    ],
)
def test_an_answer_counts_by_where_it_was_given(answer: DoorError, own: Said, elsewhere: Said) -> None:
    """What a namespace decides says nothing where it was another's; what fields decide holds everywhere."""
    assert trial.judged(decision(), answer, "/path", borrowed=False).said is own
    assert trial.judged(decision(), answer, "/path", borrowed=True).said is elsewhere

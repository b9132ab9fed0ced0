"""Actions, outcomes and observations as values."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.model.action import Action, Outcome, OutcomeState
from migrate.model.ids import ActionKey
from migrate.model.verdict import Result, Verdict

json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)
mappings = st.dictionaries(st.text(max_size=3), json_values, max_size=3)
plain_actions = st.builds(
    Action,
    kind=st.sampled_from(["create", "patch"]),
    key=st.builds(ActionKey, st.text(max_size=5)),
    params=mappings,
    command=st.text(max_size=5),
    prior=json_values,
    inverse=st.none(),
    deadline=st.sampled_from([30.0, 60.0, 600.0]),
)
actions = st.recursive(
    plain_actions, lambda inner: st.builds(Action.with_prior, plain_actions, json_values, inner)
)
outcomes = st.builds(
    Outcome,
    state=st.sampled_from(OutcomeState),
    evidence=st.text(max_size=5),
    remedy=st.text(max_size=5),
    facts=mappings,
    verdicts=st.lists(
        st.builds(Verdict, st.text(max_size=3), st.sampled_from(Result), st.text(max_size=3)), max_size=2
    ).map(tuple),
)


@given(action=actions)
def test_actions_survive_the_journal(action: Action) -> None:
    """An Action reads back as it was written, its inverse included, through JSON text."""
    assert Action.of_json(json.loads(json.dumps(action.as_json()))) == action


@given(action=actions, beside=mappings)
def test_an_action_says_only_what_does_not_stand_beside_it(action: Action, beside: dict[str, Any]) -> None:
    """To the byte: what Python takes for the same, as 1 and True, is not."""
    action = replace(action, params={**action.params, **beside})
    told = json.loads(json.dumps(action.as_json(beside)))
    back = Action.of_json(told, beside)
    assert json.dumps(back.as_json(), sort_keys=True) == json.dumps(action.as_json(), sort_keys=True)
    assert not told["params"].keys() & beside.keys()


def test_a_way_back_does_not_repeat_what_the_intent_has() -> None:
    """A parameter that both have is written once, whatever its size; one that differs, or is missing, is not shared."""
    params = {"ref": "x" * 1000, "n": 1, "gone": True}
    back = Action("lift", ActionKey("lift"), {"ref": "x" * 1000, "n": True})
    action = Action("put", ActionKey("put"), params).with_prior(None, back)
    value = action.as_json()
    assert value["inverse"] == {"kind": "lift", "key": "lift", "params": {"n": True}, "same": ["ref"]}
    read = Action.of_json(json.loads(json.dumps(value)))
    assert read == action
    assert read.inverse is not None
    assert read.inverse.params["n"] is True
    with pytest.raises(KeyError, match="ref"):
        Action.of_json(value["inverse"])


@given(outcome=outcomes)
def test_outcomes_survive_the_journal(outcome: Outcome) -> None:
    """An outcome reads back as it was written, and only what is done or adopted stands."""
    assert Outcome.of_json(json.loads(json.dumps(outcome.as_json()))) == outcome
    assert outcome.stands is (outcome.state in {OutcomeState.DONE, OutcomeState.ADOPTED})


def test_defaults_are_left_out() -> None:
    """The journal of a hundred thousand objects holds no empty parts."""
    assert Action("create", ActionKey("k")).as_json() == {"kind": "create", "key": "k", "params": {}}
    assert Outcome(OutcomeState.DONE).as_json() == {"state": "done"}

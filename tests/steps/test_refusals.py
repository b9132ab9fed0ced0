"""A refusal is told with the path at which its object was sent."""

from __future__ import annotations

import pytest

from migrate.actions.create import create
from migrate.model.action import Outcome, OutcomeState
from migrate.model.decision import Decision, Form
from migrate.model.ids import RuleId
from migrate.model.objects import Ref, Resource
from migrate.steps.refusals import Refusals

WIDGET = Ref("example.com", "Widget", "shop", "only")
DECIDED = Decision(
    WIDGET, Form.REPLAYED, RuleId("default"), "", 10, {"apiVersion": "example.com/v2", "kind": "Widget"}
)
SERVED = Resource("example.com", "v1", "widgets", "Widget", namespaced=True)


@pytest.mark.parametrize(
    ("served", "path"),
    [
        ((SERVED,), "/apis/example.com/v2/namespaces/shop/widgets/only"),
        ((), "no path that is served"),
    ],
    ids=["another version", "no version"],
)
def test_the_path_has_the_version_that_was_sent(served: tuple[Resource, ...], path: str) -> None:
    """Green may serve the kind in another version by then, and its own would hide why it refused."""
    refusals = Refusals(10, "wave", [served], [DECIDED])
    action = create(WIDGET, key_hash="", rule="default", wave=10, command="")
    refusals.take([action], [Outcome(OutcomeState.FAILED, "404", facts={"refused": {}})])
    (batch,) = refusals.told(whole=True)
    (record,) = batch
    assert [v["evidence"] for v in record.params["verdicts"]] == [
        "green refused 1 object of wave 10; the rest of it stands",
        f"404, at {path}",
    ]

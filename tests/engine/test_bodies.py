"""Objects on their way from a step to a handler: in memory, for one batch."""

from __future__ import annotations

from migrate.engine.bodies import Bodies
from migrate.model.ids import ActionKey


def test_only_the_last_batch_is_held() -> None:
    """A new batch replaces the one before; what was never offered is not there."""
    bodies, one, two = Bodies(), ActionKey("one"), ActionKey("two")
    assert bodies.take(one) is None
    bodies.offer({one: {"kind": "Secret"}})
    assert bodies.take(one) == {"kind": "Secret"}
    bodies.offer({two: {"kind": "ConfigMap"}})
    assert (bodies.take(one), bodies.take(two)) == (None, {"kind": "ConfigMap"})

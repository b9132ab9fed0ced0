"""Objects on their way from a step to a handler, kept in memory and never journalled."""

from __future__ import annotations

from collections.abc import Mapping

from migrate.model.ids import ActionKey
from migrate.model.objects import Object


class Bodies:
    """The objects that the current batch writes, by the key of their Action.

    A Secret's value must never be a parameter of an Action; so no object's body is. After a crash the step reads blue
    again and offers the bodies anew.
    """

    def __init__(self) -> None:
        self._held: dict[ActionKey, Object] = {}

    def offer(self, bodies: Mapping[ActionKey, Object]) -> None:
        """Replace what is held by the bodies of the next batch."""
        self._held = dict(bodies)

    def forget(self, key: ActionKey) -> None:
        """Let go of one that is no longer as it was read."""
        self._held.pop(key, None)

    def take(self, key: ActionKey) -> Object | None:
        """The body of an Action; None where its step has not offered it."""
        return self._held.get(key)

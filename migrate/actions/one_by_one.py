"""The frame of handlers that read nothing before they act, and do one Action after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from migrate.model.action import Action, Observation, Outcome


class OneByOne(ABC):
    """A handler whose Actions have no prior value of their own to be read, and wait for each other."""

    def prepare(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Nothing is read before."""
        return actions

    def act(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Do each in turn."""
        return [self.do(action) for action in actions]

    @abstractmethod
    def do(self, action: Action) -> Outcome:
        """Do one Action, and read back."""

    @abstractmethod
    def observe(self, action: Action) -> Observation:
        """Look at how one Action stands, as `Handler.observe` says."""

"""The simulated mover: what lies on a volume is two numbers in the world's file, and copying makes them alike."""

from __future__ import annotations

from migrate.doors.mover import Amount, Copied, Going, Pass
from migrate.errors import Refused
from migrate.model.ids import Side
from migrate.model.objects import Ref
from migrate.simulation.served import resource
from migrate.simulation.store import Key, Store

EMPTY = Amount(0, 0)


class SimulatedMover:
    """Copies in no time; nothing was put on a volume unless `fill` was asked to."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def fill(self, side: Side, claim: Ref, amount: Amount) -> None:
        """Say what lies on a claim's volume, as if its pods had written it."""
        with self._store.transaction():
            self._store.set_value(_place(side, claim), [amount.bytes, amount.files])

    def holds(self, side: Side, claim: Ref) -> Amount:
        """What lies on a claim's volume."""
        found = self._store.value(_place(side, claim))
        return Amount(*found) if found else EMPTY

    def observe(self, task: Pass) -> Copied | None:
        """Both ends, where this pass was done."""
        found = self._store.value(_done(task))
        return Copied(Amount(*found[0]), Amount(*found[1])) if found else None

    def copy(self, task: Pass, deadline: float, going: Going) -> Copied:
        """Make green's volume as blue's; raises Refused where either claim is not there."""
        del deadline
        with self._store.transaction():
            for side in Side:
                what = resource("persistentvolumeclaims")
                if (
                    self._store.body(
                        Key(side.value, what.group, what.plural, task.claim.namespace, task.claim.name)
                    )
                    is None
                ):
                    raise Refused(f"{task.claim} is not on {side}")
            held = self.holds(Side.BLUE, task.claim)
            amount = [held.bytes, held.files]
            self._store.set_value(_place(Side.GREEN, task.claim), amount)
            self._store.set_value(_done(task), [amount, amount])
        going(held)
        return Copied(held, held)

    def let_go(self, task: Pass, deadline: float, going: Going) -> None:
        """Have left nothing: a copy is done at once or not at all."""


def _place(side: Side, claim: Ref) -> str:
    return f"data:{side.value}:{claim.namespace}/{claim.name}"


def _done(task: Pass) -> str:
    return f"copied:{task}:{task.claim.namespace}/{task.claim.name}"

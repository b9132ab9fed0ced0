"""Aggregated APIs are seen to answer on green before anything relies on their kinds."""

from __future__ import annotations

from collections.abc import Sequence

from migrate.actions.wait import wait
from migrate.engine.step import Scene
from migrate.model.action import Action
from migrate.model.objects import Ref
from migrate.steps.ledger import read_ledger


def answering(scene: Scene, refs: Sequence[Ref], deadline: float, relied_on: Sequence[Ref] = ()) -> Action:
    """The wait for APIServices of green to be Available; one that nobody answered for on blue is no regression.

    What was so on blue is the ledger's word: at the cutover blue's own backend is at rest. Of those `relied_on` objects
    are written next, for which discovery must show their kinds as well.
    """
    return wait(
        "apis-available",
        f"aggregated APIs on green: {', '.join(ref.name for ref in refs[:2])}{' …' if refs[2:] else ''}",
        deadline,
        refs=[ref.as_json() for ref in refs],
        broken=sorted({*map(str, refs)} & {*read_ledger(scene.progress).broken}),
        reliedOn=[str(ref) for ref in relied_on],
    )

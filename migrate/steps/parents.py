"""Move custom resources that control what may not run twice: their makers off, then what these made, then green's on.

What a custom resource has made on blue is put to rest by its own fields, which its controller would set back: so that
goes off before. On green the resource is made first, while its controller there is still at rest, and nothing but blue's being
proven off lets go of it: so on the way back it goes last, when blue's are on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from migrate.actions.conditions.workloads import READ
from migrate.actions.patch import patch
from migrate.actions.record import record
from migrate.actions.wait import wait
from migrate.engine.step import Batches, Scene
from migrate.model.action import Action
from migrate.model.decision import Form
from migrate.model.ids import Side
from migrate.model.migration import seconds
from migrate.model.objects import Ref
from migrate.model.verdict import passed
from migrate.steps.afresh import Source, make
from migrate.steps.handing_over import hand_over, of_users
from migrate.steps.ledger import Held, Ledger, Parent
from migrate.steps.letting_go import let_go, named
from migrate.steps.waking import BACK, wake

Off = Callable[[Scene, Sequence[Held]], Batches]
"""How a step puts twins on blue to rest and proves it."""


def move_parents(
    scene: Scene, group: Sequence[Held], ledger: Ledger, source: Source, off: Off, why: str
) -> Batches:
    """Move custom resources with who makes them alive; what stands already is looked at and left."""
    makers = [h for h in group if h.form == Form.HELD]
    refs = {h.ref for h in group}
    parents = [p for p in ledger.parents if p.ref in refs]
    children = list({c.ref: c for p in parents for c in p.children}.values())
    first = _resting(parents, makers, children)
    # on the way back a resource may wait for a finalizer that nobody awake takes off: by then blue's are back on
    yield from make(scene, first, source)
    yield from off(scene, makers)
    # who is made by a custom resource itself, and makes others, goes off before what he makes
    above = {maker for p in parents for maker in p.makers}
    yield from off(scene, [c for c in children if c.ref in above])
    yield from off(scene, [c for c in children if c.ref not in above])
    yield from hand_over(scene, of_users(ledger.volumes, {p.ref for p in parents}), source)
    yield from make(scene, [p.ref for p in parents if p.ref not in first], source)
    yield from wake(scene, children)
    yield from _with_way_back(scene, makers, children, first)
    todo = [a for h in makers if not scene.progress.stands((a := let_go(h, why)).key)]
    if todo:
        yield todo


def _resting(parents: Sequence[Parent], makers: Sequence[Held], children: Sequence[Held]) -> list[Ref]:
    """The resources of which nothing comes on green yet: all who make them alive are held there, or are not made.

    What nothing scales down goes on the way back with its resource alone, which must then go before blue's come on.
    """
    asleep = {h.ref for h in (*makers, *children)}
    return [
        p.ref
        for p in parents
        if p.makers and asleep.issuperset(p.makers) and all(c.rest_blue is not None for c in p.children)
    ]


def resting_lines(children: Sequence[Held]) -> Sequence[str]:
    """What goes off on blue behind its controller, and what a person has to end there himself."""
    return [
        f"{child}; on blue, once its controller is off: kubectl delete pod {child.ref.name} -n {child.ref.namespace}"
        if child.by_hand
        else str(child)
        for child in children
    ]


def _with_way_back(
    scene: Scene, makers: Sequence[Held], children: Sequence[Held], made: Sequence[Ref]
) -> Batches:
    """Nothing on the way there; on the way back green's controller is off, and then what it made, before the resource goes.

    A collector would take what it made only by and by, and the pods last: blue's must not wake beside them. What was
    `made` first goes last, and what its controller has made below it under other names than on blue nobody here can
    name: so that is waited for, and a person is told of it.
    """
    there = [c for c in children if c.rest_blue is not None]
    for actions in (
        [_noted("all below", f"what {_told(made)} made", _nothing_below(scene, made))]
        if made and makers
        else [],
        [_noted("off", named(there), _off_on_green(scene, there))] if there else [],
        list(map(_put_back_to_rest, there)),
        [_noted("makers", named(makers), _off_on_green(scene, makers))] if makers and there else [],
    ):
        todo = [a for a in actions if not scene.progress.stands(a.key)]
        if todo:
            yield todo


def _put_back_to_rest(child: Held) -> Action:
    said = f"its controller makes {child.ref} on green from now on; on the way back it rests there first"
    back = patch(Side.GREEN, child.ref, child.rest_blue or {}, why=BACK, gone_is_fine=True)
    return replace(
        record(f"{child.ref} is made again", [passed(f"{child.ref} runs once", said)]), inverse=back
    )


def _noted(what: str, names: str, back: Action) -> Action:
    said = f"on the way back {names} is off on green before blue's goes on"
    return replace(record(f"{what} of custom resources", [passed(names, said)]), inverse=back)


def _off_on_green(scene: Scene, group: Sequence[Held]) -> Action:
    refs = [h.ref.as_json() for h in group if h.ref[:2] in READ]
    what, deadline = f"{named(group)} to be off on green", seconds(scene.migration.verify.budget)
    return wait("workloads-off", what, deadline, side=Side.GREEN.value, refs=refs)


def _nothing_below(scene: Scene, made: Sequence[Ref]) -> Action:
    what, deadline = f"what {_told(made)} made on green to be off", seconds(scene.migration.verify.budget)
    refs = [ref.as_json() for ref in made]
    return wait("nothing-below", what, deadline, side=Side.GREEN.value, refs=refs)


def _told(refs: Sequence[Ref]) -> str:
    return ", ".join(map(str, refs[:2])) + (" …" if len(refs) > 2 else "")

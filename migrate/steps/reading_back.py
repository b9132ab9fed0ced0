"""What was let go of is read back: it has an address, scales, or answers, on green as it did on blue."""

from __future__ import annotations

from collections.abc import Sequence

from migrate.actions.conditions.addresses import addresses
from migrate.actions.conditions.autoscalers import AT_REST, scaling
from migrate.actions.wait import wait
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.model.migration import seconds
from migrate.model.objects import Object, Ref, dig
from migrate.replay import kinds
from migrate.steps.apis import answering
from migrate.steps.ledger import Held


def read_back(scene: Scene, group: Sequence[Held]) -> Batches:
    """Wait for what blue's had: an address, if its kind has one, an autoscaler at work, or an answer to its kinds."""
    waiting = [h for h in group if _addressed(h)]
    scaling_ = [h.ref for h in group if h.ref[:2] == kinds.AUTOSCALER]
    apis = [h.ref for h in group if h.ref[:2] == kinds.API_SERVICE]
    if apis:
        yield [answering(scene, apis, seconds(scene.migration.verify.budget))]
    if not waiting and not scaling_:
        return
    only = {h.ref[:2] for h in waiting} | {ref[:2] for ref in scaling_}
    blue = read_inventory(scene.doors.blue, only=only, needed=False)
    had = [h.ref for h in waiting if h.rest_blue is not None or addresses(blue.find(h.ref))]
    yield from _given(scene, had)
    yield from _scaling(scene, [ref for ref in scaling_ if _was_active(blue.find(ref))])


def _given(scene: Scene, refs: Sequence[Ref]) -> Batches:
    if refs:
        deadline = seconds(scene.migration.verify.budget)
        what = f"{_names(refs)} to have an address on green"
        yield [wait("addresses-given", what, deadline, refs=[ref.as_json() for ref in refs])]


def _scaling(scene: Scene, refs: Sequence[Ref]) -> Batches:
    if refs:
        deadline = seconds(scene.migration.verify.budget)
        what = f"{_names(refs)} to scale on green"
        yield [wait("autoscalers-active", what, deadline, refs=[ref.as_json() for ref in refs])]


def _addressed(held: Held) -> bool:
    balancer = held.ref[:2] == kinds.SERVICE and dig(held.release, "spec", "type") == "LoadBalancer"
    return balancer or held.ref[:2] in {kinds.INGRESS, kinds.GATEWAY}


def _was_active(autoscaler: Object | None) -> bool:
    """Whether it scaled on blue; one whose target we have put to rest there says that it is disabled."""
    state, reason, _ = scaling(autoscaler)
    return state == "True" or reason == AT_REST


def _names(refs: Sequence[Ref]) -> str:
    return ", ".join(map(str, refs[:2])) + (f" and {len(refs) - 2} more" if len(refs) > 2 else "")

"""The gate behind each wave: what is seen on green before the next one is written."""

from __future__ import annotations

from collections.abc import Sequence

from migrate import replay
from migrate.actions.wait import wait
from migrate.engine.step import Batches, Scene
from migrate.model.decision import Decision
from migrate.model.ids import Side
from migrate.model.inventory import Inventory
from migrate.model.objects import Ref, dig
from migrate.replay import kinds
from migrate.steps.anew import waited_anew
from migrate.steps.apis import answering

NAMESPACES, DEFINITIONS, VOLUMES, APIS = 1, 2, 7, 9
"""The waves with gates of their own; webhook backends are waited for inside theirs."""

DEADLINE = 600.0
NAMESPACES_DEADLINE = 60.0


def gate(scene: Scene, wave: int, blue: Inventory, decisions: replay.Decisions) -> Batches:
    """Wait for what the wave's objects must have come to; nothing for a wave whose objects only have to stand."""
    written = [d.ref for d in decisions.of_wave(wave)]
    names = [ref.name for ref in written]
    if wave == NAMESPACES:
        active = wait("namespaces-active", "namespaces on green", NAMESPACES_DEADLINE, names=names)
        yield from waited_anew(scene, active, frozenset(written))
    elif wave == DEFINITIONS:
        what = "blue's definitions on green"
        established = wait("crds-established", what, DEADLINE, side=Side.GREEN.value, names=names)
        yield from waited_anew(scene, established, frozenset(written))
    elif wave == VOLUMES:
        yield from _claims_bound(scene, [ref for ref in written if ref[:2] == kinds.CLAIM], blue)
    elif wave == APIS:
        yield from _apis_answer(
            scene, [d for d in decisions.of_wave(wave) if d.ref[:2] == kinds.API_SERVICE], decisions
        )


def backends(decisions: replay.Decisions, stage: Sequence[Decision]) -> list[Ref]:
    """The webhook backends that a stage starts."""
    early = {d.ref for d in decisions.started_early}
    return [d.ref for d in stage if d.ref in early]


def backends_ready(scene: Scene, refs: Sequence[Ref]) -> Batches:
    """Wait for backends: what they answer for is configured only once they do."""
    ready = wait(
        "workloads-ready",
        "webhook backends",
        DEADLINE,
        side=Side.GREEN.value,
        refs=[ref.as_json() for ref in refs],
        failureEnds=True,
    )
    yield from waited_anew(scene, ready, frozenset(refs))


def _claims_bound(scene: Scene, claims: Sequence[Ref], blue: Inventory) -> Batches:
    if claims:
        # a claim that blue never bound is no regression; what asks for it on green finds it as it was
        unbound = [str(ref) for ref in claims if dig(blue.find(ref), "status", "phase") != "Bound"]
        bound = wait(
            "claims-bound",
            "claims on green",
            DEADLINE,
            refs=[ref.as_json() for ref in claims],
            unbound=unbound,
            failureEnds=True,
        )
        yield from waited_anew(scene, bound, frozenset(claims))


def _apis_answer(scene: Scene, apis: Sequence[Decision], decisions: replay.Decisions) -> Batches:
    if apis:
        behind = {d.ref.group for d in decisions.written if d.wave > APIS}
        relied_on = [d.ref for d in apis if dig(d.target, "spec", "group") in behind]
        waiting = answering(scene, [d.ref for d in apis], DEADLINE, relied_on)
        yield from waited_anew(scene, waiting, frozenset(d.ref for d in apis))

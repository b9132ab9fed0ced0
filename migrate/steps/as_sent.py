"""Say of a wave what green took otherwise than it was sent, what it or others have beside that, and its server's warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from migrate.actions.adopt import adoption_key
from migrate.actions.apply import application_key
from migrate.actions.create import creation_key
from migrate.actions.record import record
from migrate.actions.taken import ADDED, CHANGED, KEPT, WARNED
from migrate.engine.step import Batches, Scene
from migrate.model.decision import Decision
from migrate.model.ids import Side
from migrate.model.objects import Ref
from migrate.model.progress import Progress
from migrate.model.verdict import Verdict, passed
from migrate.steps.anew import recorded_anew

SHOWN = 5
"""Objects that a record spells out, and words of each; all of them are in the outcomes of their writes."""

_SAID = {
    CHANGED: "green made {} of {} otherwise than sent",
    ADDED: "green's server or its admission added to {} of {}",
    KEPT: "others have more than was sent in {} of {}",
    WARNED: "its server warned about {} of {}",
}
"""How each kind of facts about a write is told."""

_ALWAYS = frozenset({CHANGED, WARNED})
"""Kinds that are recorded where there are none, too, as every journal has them."""

Told = Mapping[Ref, Sequence[str]]
"""By object the paths that differ, or the server's words."""


def as_sent(scene: Scene, wave: int, decisions: Sequence[Decision]) -> Batches:
    """Record what the server's answers to a wave's writes said; nothing where each was taken as sent, without a word.

    Nothing either where the same was recorded before: a wave comes by here at every resume.
    """
    found = {d.ref: facts for d in decisions if (facts := answered(scene.progress, d.ref))}
    by_kind = {name: {ref: facts[name] for ref, facts in found.items() if facts.get(name)} for name in _SAID}
    if found:
        kept = {name: some for name, some in by_kind.items() if some or name in _ALWAYS}
        # the counts are told, too, and are recorded again when they alone have changed
        counts = {"objects": len(decisions), **{name: len(some) for name, some in kept.items()}}
        facts = {**{name: _by_name(some) for name, some in kept.items()}, "counts": counts}
        said = record(f"wave {wave} as sent", [told(wave, len(decisions), by_kind)], facts=facts)
        yield from recorded_anew(scene, said)


def answered(progress: Progress, ref: Ref) -> Mapping[str, Any]:
    """What the server's answer to the latest standing write of an object said beside yes; see `actions.taken`."""
    keys = creation_key(ref), adoption_key(ref), application_key(Side.GREEN, ref)
    intents = [i for i in map(progress.of_key, keys) if i is not None and i.stands and i.outcome is not None]
    latest = max(intents, key=lambda intent: intent.seq, default=None)
    facts: Mapping[str, Any] = latest.outcome.facts if latest is not None and latest.outcome else {}
    return {name: facts[name] for name in _SAID if facts.get(name)}


def told(wave: int, total: int, by_kind: Mapping[str, Told]) -> Verdict:
    """Tell all of it in one sentence; whether green may stand so is judged by its parity."""
    said = [
        f"{words.format(len(by_kind[name]), total)}: {_shown(by_kind[name])}"
        for name, words in _SAID.items()
        if by_kind.get(name)
    ]
    return passed(f"wave-{wave}-as-sent", "; ".join(said))


def _shown(told_of: Told) -> str:
    return "; ".join(_lines(told_of.items()))


def _lines(items: Iterable[tuple[Ref, Sequence[str]]]) -> Iterator[str]:
    for position, (ref, words) in enumerate(items):
        if position == SHOWN:
            yield "…"
            return
        yield f"{ref} ({', '.join(words[:SHOWN])}{', …' if len(words) > SHOWN else ''})"


def _by_name(told_of: Told) -> dict[str, list[str]]:
    return {str(ref): list(words[:SHOWN]) for ref, words in islice(told_of.items(), SHOWN)}

"""Say of a wave what green took otherwise than it was sent, and what its server warned of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from migrate.actions.adopt import adoption_key
from migrate.actions.apply import application_key
from migrate.actions.create import creation_key
from migrate.actions.record import record
from migrate.actions.taken import CHANGED, WARNED
from migrate.engine.step import Batches, Scene
from migrate.model.decision import Decision
from migrate.model.ids import Side
from migrate.model.objects import Ref
from migrate.model.progress import Progress
from migrate.model.verdict import Verdict, passed
from migrate.steps.anew import recorded_anew

SHOWN = 5
"""Objects that a record spells out, and words of each; all of them are in the outcomes of their writes."""

Told = Mapping[Ref, Sequence[str]]
"""By object the paths that differ, or the server's words."""


def as_sent(scene: Scene, wave: int, decisions: Sequence[Decision]) -> Batches:
    """Record what the server's answers to a wave's writes said; nothing where each was taken as sent, without a word.

    Nothing either where the same was recorded before: a wave comes by here at every resume.
    """
    found = {d.ref: facts for d in decisions if (facts := answered(scene.progress, d.ref))}
    changed, warned = (
        {ref: facts[name] for ref, facts in found.items() if facts.get(name)} for name in (CHANGED, WARNED)
    )
    if changed or warned:
        # the counts are told, too, and are recorded again when they alone have changed
        counts = {"objects": len(decisions), CHANGED: len(changed), WARNED: len(warned)}
        facts = {CHANGED: _by_name(changed), WARNED: _by_name(warned), "counts": counts}
        said = record(f"wave {wave} as sent", [told(wave, len(decisions), changed, warned)], facts=facts)
        yield from recorded_anew(scene, said)


def answered(progress: Progress, ref: Ref) -> Mapping[str, Any]:
    """What the server's answer to the latest standing write of an object said beside yes; see `actions.taken`."""
    keys = creation_key(ref), adoption_key(ref), application_key(Side.GREEN, ref)
    intents = [i for i in map(progress.of_key, keys) if i is not None and i.stands and i.outcome is not None]
    latest = max(intents, key=lambda intent: intent.seq, default=None)
    facts: Mapping[str, Any] = latest.outcome.facts if latest is not None and latest.outcome else {}
    return {name: facts[name] for name in (CHANGED, WARNED) if facts.get(name)}


def told(wave: int, total: int, changed: Told, warned: Told) -> Verdict:
    """Tell both in one sentence; whether green may stand so is judged by its parity."""
    said = []
    if changed:
        said.append(f"green made {len(changed)} of {total} otherwise than sent: {_shown(changed)}")
    if warned:
        said.append(f"its server warned about {len(warned)} of {total}: {_shown(warned)}")
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

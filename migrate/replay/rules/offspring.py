"""Custom resources below which runs what may not run twice, and what this program cannot put to rest on blue."""

from __future__ import annotations

from migrate.replay.offspring import Offspring
from migrate.replay.rule import Rule, Subject, ask
from migrate.replay.surroundings import Surroundings


def _hindered(subject: Subject, surroundings: Surroundings) -> str | None:
    if subject.word == "hold":
        return None
    offspring = surroundings.parents.of(subject.ref)
    if offspring is None:
        return None
    obstacle = offspring.obstacle or _circle(offspring, surroundings)
    return f"{obstacle}; it {offspring}" if obstacle else None


def _circle(offspring: Offspring, surroundings: Surroundings) -> str:
    """Say which webhook changes the children's pods and is answered by who makes them: neither can come first."""
    admission = surroundings.admission
    for child in offspring.children:
        for hook in admission.waits_for(child.ref):
            if answering := sorted({*admission.backings[hook].workloads} & {*offspring.makers}):
                return f"pods of {child.ref} wait for {hook}, which {answering[0]} answers"
    return ""


NEVER_TWICE = ask(
    "custom.never-twice",
    "custom resources that control what may not run twice and nothing scales down, or of which it was not found who makes it, "
    "or who makes it stays, or answers a webhook that their pods wait for",
    "its controller on green would make what runs on blue still; name it in a rule of its own: hold (it is made when the "
    "writers move, and you end on blue what is named here, once its controller is off), replay (both sides may run it) or skip",
    when=_hindered,
)
"""Asked even where a rule with globs replays it: such a rule was not written with this one in mind."""

RULES: tuple[Rule, ...] = (NEVER_TWICE,)

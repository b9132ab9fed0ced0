"""What Argo CD and Flux keep, and what keeps them going."""

from __future__ import annotations

from migrate.replay import kinds
from migrate.replay.gitops import automated_elsewhere
from migrate.replay.rule import Rule, Subject, ask
from migrate.replay.surroundings import Surroundings


def _automated_elsewhere(subject: Subject, _surroundings: Surroundings) -> str | None:
    where = automated_elsewhere(subject.obj)
    return f"{where} switches automated sync on" if where else None


RULES: tuple[Rule, ...] = (
    ask(
        "decide.application-set",
        "ApplicationSets that switch automated sync on beside their template",
        "the run cannot pause what it makes; take `automated` out of there on blue, or stop the ApplicationSet "
        "controller until the cutover and say replay, or say skip",
        kinds.APPLICATION_SET,
        when=_automated_elsewhere,
    ),
)

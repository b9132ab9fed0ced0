"""What green cannot take as it is."""

from __future__ import annotations

from migrate.replay import kinds
from migrate.replay.definitions import unstructured
from migrate.replay.rule import Rule, Subject, ask
from migrate.replay.surroundings import Surroundings
from migrate.replay.versions import takes


def not_served(subject: Subject, surroundings: Surroundings) -> str | None:
    """Match a kind that green, once it is known, neither serves nor will serve by a definition that moves."""
    if surroundings.blue.green is None or subject.kind in surroundings.blue.green:
        return None
    return f"no kind {subject.ref.kind} in group {subject.ref.group or 'core'} on green"


def other_version(subject: Subject, surroundings: Surroundings) -> str | None:
    """Match a kind that green serves in none of the versions that blue has of it."""
    green = surroundings.blue.green
    if green is None or subject.kind not in green or takes(green, subject.resource):
        return None
    return (
        f"blue serves {', '.join(subject.resource.versions)}; green serves {', '.join(green[subject.kind])}"
    )


def _unstructured(subject: Subject, _surroundings: Surroundings) -> str | None:
    return unstructured(subject.obj) or None


def _backend(subject: Subject, surroundings: Surroundings) -> str | None:
    missing = surroundings.admission.backings[subject.ref].missing
    return f"calls {', '.join(missing)}" if missing else None


def _into_blue(subject: Subject, surroundings: Surroundings) -> str | None:
    for url in surroundings.admission.backings[subject.ref].outside:
        if any(surroundings.blue.literals.in_text(url)):
            return f"calls {url}"
    return None


NOT_SERVED = ask(
    "green.not-served",
    "kinds that green does not serve",
    "green would refuse it; install what serves it there, or say skip",
    when=not_served,
)

OTHER_VERSION = ask(
    "green.other-version",
    "kinds that green serves in no version that blue has, and that no conversion here leads to",
    "green would refuse it, as its fields may have another name or meaning there; write it there yourself and say skip",
    when=other_version,
)

RULES: tuple[Rule, ...] = (
    ask(
        "green.webhook-backend",
        "webhook configurations and APIServices whose Service, named outright or by a URL, or what it selects, does not move",
        "without its backend it would refuse, or let through, everything on green",
        kinds.MUTATING_WEBHOOKS,
        kinds.VALIDATING_WEBHOOKS,
        kinds.API_SERVICE,
        when=_backend,
    ),
    ask(
        "green.webhook-url",
        "webhook configurations that call an address inside blue",
        "green would depend on blue",
        kinds.MUTATING_WEBHOOKS,
        kinds.VALIDATING_WEBHOOKS,
        when=_into_blue,
    ),
    ask(
        "green.definition",
        "CustomResourceDefinitions whose schema is not structural, as blue's server says",
        "v1 takes no such definition anew; mend its schema on blue, or write it on green yourself and say skip",
        kinds.DEFINITION,
        when=_unstructured,
    ),
    NOT_SERVED,
    OTHER_VERSION,
)

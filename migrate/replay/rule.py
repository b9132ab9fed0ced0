"""Rules as data: what a rule matches, what it says, and how an object that it lets through is shaped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from migrate.model.decision import Form, Hold
from migrate.model.ids import RuleId
from migrate.model.objects import Object, Ref, Resource
from migrate.replay.kinds import Kind
from migrate.replay.surroundings import Surroundings

Word = Literal["", "replay", "hold"]
"""What the operator said of an object, where it was not to skip it."""


@dataclass(frozen=True)
class Subject:
    """One object of blue, as the rules look at it."""

    resource: Resource
    obj: Object
    ref: Ref
    word: Word = ""

    @cached_property
    def kind(self) -> Kind:
        """Group and kind."""
        return self.ref.group, self.ref.kind

    def said(self, word: Word) -> Subject:
        """The same object with the operator's word."""
        return replace(self, word=word)


@dataclass(frozen=True, slots=True)
class Shape:
    """An object's form on green: the target, how it is released, and what is to be said of it."""

    target: Object
    hold: Hold | None = None
    workload_class: str = ""
    evidence: str = ""


Matcher = Callable[[Subject, Surroundings], str | None]
"""Evidence where the rule matches (it may be empty), None where it does not."""

Shaper = Callable[[Subject, Surroundings, Object], Shape]
"""Shapes a sanitised object."""


def always(_subject: Subject, _surroundings: Surroundings) -> str | None:
    """Match every object of the rule's kinds."""
    return ""


def as_it_is(_subject: Subject, _surroundings: Surroundings, target: Object) -> Shape:
    """Write what sanitising left."""
    return Shape(target)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: the first that matches decides.

    `sentence` says what it matches, for people who read docs/rules.md; `reason` is said of each object. `kinds` is
    None where the matcher looks at every kind. `shape` is used by the forms that write something.
    """

    id: RuleId
    form: Form
    sentence: str
    reason: str
    kinds: frozenset[Kind] | None = None
    matches: Matcher = always
    shape: Shaper = as_it_is


def skip(rule: str, sentence: str, reason: str, *kinds: Kind, when: Matcher = always) -> Rule:
    """Make a rule that leaves objects out."""
    return Rule(RuleId(rule), Form.SKIPPED, sentence, reason, frozenset(kinds) or None, when)


def ask(rule: str, sentence: str, reason: str, *kinds: Kind, when: Matcher = always) -> Rule:
    """Make a rule that leaves the decision to a person."""
    return Rule(RuleId(rule), Form.UNDECIDED, sentence, reason, frozenset(kinds) or None, when)

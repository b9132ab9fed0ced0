"""Edits as data: what goes or changes of an object on its way to green, of which kinds, and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from migrate.model.ids import RuleId
from migrate.model.objects import Object, annotations_of, dig, labels_of
from migrate.replay import kinds
from migrate.replay.edits import changed, reduced, without
from migrate.replay.kinds import Kind

PODS: frozenset[Kind] = frozenset(
    {*kinds.WORKLOADS, kinds.POD, kinds.POD_TEMPLATE, kinds.JOB, kinds.CRON_JOB}
)
"""The kinds that are a pod, or hold a template of one: those with a `kinds.pod_path`."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What an edit has to know beside the object.

    `families` are green's Service address families ("IPv4", "IPv6"), None where they are not known; `classes` are the
    names on green of blue's storage classes that are called otherwise there; `grown` is whether a claim asks for what
    it has come to hold. Without these two an object is reduced to what can be compared on either side.
    """

    families: frozenset[str] | None = None
    classes: Mapping[str, str] = field(default_factory=dict)
    grown: bool = False

    @property
    def compared(self) -> Setting:
        """The setting for what somebody else makes on green: nothing of it is ours to rename or to let grow."""
        return replace(self, classes={}, grown=False)


Change = Callable[[Object, Setting], Object]
"""What an edit does; the original is left alone, and what is not touched is shared with it."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of what is written: every one of an object's kind is made, in the order of the table.

    `sentence` says what goes or changes and `reason` why, for people who read docs/rules.md. `kinds` is None where it is
    made of every kind. `at` gives what is done to an object of a kind. `notes` is the pattern of the annotations that
    go, where that is all it does: neighbours of the table look for them at once, because every object is asked for them.
    """

    id: RuleId
    sentence: str
    reason: str
    kinds: frozenset[Kind] | None
    at: Callable[[Kind], Change]
    notes: str = ""


def edit(name: str, sentence: str, reason: str, *of: Kind, change: Change) -> Edit:
    """Make an edit of whole objects."""
    return Edit(RuleId(f"edit.{name}"), sentence, reason, frozenset(of) or None, lambda _: change)


def in_pods(name: str, sentence: str, reason: str, *of: Kind, change: Change) -> Edit:
    """Make an edit of pods and pod templates, or of these kinds of them: `change` is given the pod."""
    return Edit(
        RuleId(f"edit.{name}"),
        sentence,
        reason,
        frozenset(of) or PODS,
        lambda kind: partial(_in_pod, kinds.pod_path(kind) or (), change),
    )


def note(name: str, sentence: str, reason: str, *of: Kind, keys: str) -> Edit:
    """Make an edit that drops the annotations whose key a pattern matches from its beginning."""
    return Edit(
        RuleId(f"edit.{name}"), sentence, reason, frozenset(of) or None, lambda _: unnoted(keys), keys
    )


def unnoted(keys: str) -> Change:
    """What drops annotations by a pattern of keys; where none is left, the map goes as well."""
    goes = re.compile(keys).match

    def change(target: Object, _setting: Setting) -> Object:
        notes = annotations_of(target)
        going = [key for key in notes if goes(key)]
        return reduced(target, ("metadata", "annotations"), without(notes, *going)) if going else target

    return change


def without_labels(*keys: str) -> Change:
    """What drops labels; where none is left, the map goes as well."""

    def change(target: Object, _setting: Setting) -> Object:
        labels = labels_of(target)
        if not any(key in labels for key in keys):
            return target
        return reduced(target, ("metadata", "labels"), without(labels, *keys))

    return change


def _in_pod(path: tuple[str, ...], change: Change, target: Object, setting: Setting) -> Object:
    pod = dig(target, *path) if path else target
    if not isinstance(pod, dict):
        return target  # a Rollout may refer to a workload instead
    edited = change(pod, setting)
    if edited is pod:
        return target
    return changed(target, path, lambda _: edited) if path else edited

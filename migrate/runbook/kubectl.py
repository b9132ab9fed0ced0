"""Commands of kubectl on one object, as a person would type them; `kubectl` is that of a side, with its options."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from migrate.model.marks import PRIOR
from migrate.model.objects import Ref, group_of
from migrate.planning.commands import word


def named(ref: Ref) -> str:
    """An object as kubectl takes it: kind.group name, with its namespace."""
    kind = f"{ref.kind.lower()}.{ref.group}" if ref.group else ref.kind.lower()
    return f"{kind} {word(ref.name)}" + (f" -n {word(ref.namespace)}" if ref.namespace else "")


def merge(kubectl: str, ref: Ref, change: Any) -> str:
    """A merge patch as a command; null removes a key."""
    text = json.dumps(change, sort_keys=True, ensure_ascii=False)
    return f"{kubectl} patch {named(ref)} --type merge -p {shlex.quote(text)}"


def noted(kubectl: str) -> str:
    """Print the command that brings back each thing that says itself how it was; what a controller made has a copy."""
    own = "([.metadata.ownerReferences[]?.controller] | any | not)"
    note = f".metadata.annotations[{json.dumps(PRIOR)}]"
    where = '(.metadata.namespace // empty | " -n " + @sh)'
    spoken = json.dumps(kubectl)[1:-1]  # inside a string of jq
    told = f'"{spoken} patch \\($r) \\(.metadata.name)\\([{where}] | add // "") --type merge -p \\({note} | @sh)"'
    asked = f".items[] | select({note} and {own}) | {told}"
    kinds = f"{kubectl} api-resources --verbs=list,patch -o name | grep -vE '^(secrets|events)(\\.|$)'"
    each = f'{kubectl} get "$r" -A -o json | jq -r --arg r "$r" {shlex.quote(asked)}'
    return f"for r in $({kinds}); do {each}; done"


def owned(kubectl: str, ref: Ref, owners: Sequence[Mapping[str, Any]]) -> str:
    """Let an object be owned by these as well; their UIDs are asked for where it is typed: a rehearsed green has others."""
    lines, entries = [], []
    for number, owner in enumerate(owners, 1):
        named_ = Ref(group_of(owner), owner["kind"], ref.namespace, owner["name"])
        lines.append(f"uid{number}=$({kubectl} get {named(named_)} -o jsonpath='{{.metadata.uid}}')")
        said = {key: value for key, value in owner.items() if key != "uid"}
        entries.append(f"({_json(said)} + {{uid: $uid{number}}})")
    uids = [f"$uid{number}" for number in range(1, len(entries) + 1)]
    given = " ".join(f'--arg {uid[1:]} "{uid}"' for uid in uids)
    others = f"map(select(.uid | IN({', '.join(uids)}) | not))"
    return "\n".join([*lines, _owners(kubectl, ref, f"{others} + [{', '.join(entries)}]", given)])


def disowned(kubectl: str, ref: Ref, owners: Sequence[Mapping[str, Any]]) -> str:
    """Take these owners away by name, as their UIDs are of a rehearsed green as well; others stay."""
    names = [_json({k: owner[k] for k in ("apiVersion", "kind", "name")}) for owner in owners]
    return _owners(kubectl, ref, f"map(select({{apiVersion, kind, name}} | IN({', '.join(names)}) | not))")


def _owners(kubectl: str, ref: Ref, change: str, given: str = "") -> str:
    """Read, change the list, write it over that very version: a merge patch would take every other owner's place."""
    quoted = shlex.quote(f".metadata.ownerReferences |= ((. // []) | {change})")
    jq = " ".join(filter(None, ("jq", given, quoted)))
    return f"{kubectl} get {named(ref)} -o json | {jq} | {kubectl} replace -f -"


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)

"""What of the migration file decides nothing, because it meets nothing on blue: mostly what is misspelt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from migrate.model.inventory import Inventory
from migrate.model.migration import Accepted, Migration, ObjectName, ObjectRule
from migrate.model.objects import Ref, controller_of, dig, group_of, labels_of, ref_of
from migrate.replay.accepted import names_nothing
from migrate.replay.kinds import CLAIM, pod_path
from migrate.replay.operator import decides, named, names_claim, operator_rule, speaks_of


@dataclass(frozen=True, slots=True)
class Idle:
    """One entry of the file and why it decides nothing; where it `holds`, what it means runs on both sides."""

    entry: str
    why: str
    holds: bool = False

    def __str__(self) -> str:
        """The entry and why."""
        return f"{self.entry}: {self.why}"


def idle(migration: Migration, inventory: Inventory) -> tuple[Idle, ...]:
    """What of `workloads` and of `verify.accept` decides nothing; `inventory` is the whole of blue."""
    file = migration.workloads
    if not (file.rules or file.hold or file.start or file.volumes or file.storage_classes) and not (
        migration.verify.accept
    ):
        return ()
    refs = [ref_of(obj) for _, obj in inventory]
    return (
        *_rules(migration, inventory, refs),
        *_names("hold", file.hold, inventory, refs, holds=True),
        *(() if isinstance(file.start, str) else _names("start", file.start, inventory, refs)),
        *_storage(migration, inventory, refs),
        *(
            Idle(f"verify.accept, entry {number}", f"blue has no {_spoken(entry, refs)}")
            for number, entry in names_nothing(migration.verify.accept, refs)
        ),
    )


def _rules(migration: Migration, inventory: Inventory, refs: Sequence[Ref]) -> Iterator[Idle]:
    rules = migration.workloads.rules
    objects = [(ref_of(obj), labels_of(obj)) for _, obj in inventory] if rules else []
    deciding = {said[0] for ref, labels in objects if (said := operator_rule(migration, ref, labels))}
    for number, rule in enumerate(rules, 1):
        name = f"operator.{number}"
        if name in deciding:
            continue
        holds = rule.hold and not rule.skip
        if not any(speaks_of(rule, ref, labels) for ref, labels in objects):
            yield Idle(name, f"blue has no {_spoken(rule, refs)}", holds)
        elif decides(rule):
            yield Idle(name, "rules before it decide all that it names", holds)


def _names(
    key: str, names: Sequence[ObjectName], inventory: Inventory, refs: Sequence[Ref], *, holds: bool = False
) -> Iterator[Idle]:
    """The entries of a list of workloads that name none whose pods this run starts."""
    for number, name in enumerate(names, 1):
        why = _why(name, inventory, refs)
        if why:
            yield Idle(f"workloads.{key}, entry {number}", why, holds)


def _why(name: ObjectName, inventory: Inventory, refs: Sequence[Ref]) -> str:
    """What runs no pods has no class that an entry could change, and what a controller makes it makes on green awake."""
    found = [ref for ref in refs if named([name], ref)]
    if not found:
        return f"blue has no {_spoken(name, refs)}"
    running = [ref for ref in found if pod_path((ref.group, ref.kind)) is not None]
    if not running:
        return f"{found[0]} runs no pods; for what is none of a workload write workloads.rules"
    makers = {ref: _maker(ref, inventory) for ref in running}
    if all(makers.values()):
        made = running[0]
        return f"{made} is made by {makers[made]}, on green as well: name that, by workloads.rules if it runs no pods itself"
    return ""


def _maker(ref: Ref, inventory: Inventory) -> Ref | None:
    """The controller of an object, where blue has it."""
    owner = controller_of(inventory.find(ref) or {})
    if owner is None:
        return None
    name, kind = str(owner.get("name", "")), str(owner.get("kind", ""))
    known = (Ref(group_of(owner), kind, space, name) for space in (ref.namespace, ""))
    return next((one for one in known if inventory.find(one) is not None), None)


def _storage(migration: Migration, inventory: Inventory, refs: Sequence[Ref]) -> Iterator[Idle]:
    file = migration.workloads
    claims = [ref for ref in refs if (ref.group, ref.kind) == CLAIM]
    for number, data in enumerate(file.volumes, 1):
        if not any(names_claim(data, ref) for ref in claims):
            said = f"blue has no {CLAIM[1]} {data.namespace}/{data.name}"
            yield Idle(f"workloads.volumes, entry {number}", said)
    classes = {ref.name for ref in refs if ref.kind == "StorageClass"}
    classes |= {str(dig(claim, "spec", "storageClassName")) for claim in inventory.of(CLAIM[1])}
    for number, change in enumerate(file.storage_classes, 1):
        if change.source not in classes:
            yield Idle(
                f"workloads.storageClasses, entry {number}", f"blue has no StorageClass {change.source}"
            )


def _spoken(name: ObjectName | ObjectRule | Accepted, refs: Sequence[Ref]) -> str:
    """What an entry names, and what may have been meant: a kind first, then an object of the kind."""
    said = f"{name.kind} {name.namespace}/{name.name}"
    kinds = sorted({ref.kind for ref in refs})
    if any(fnmatchcase(kind, name.kind) for kind in kinds):
        near = _near(name, [ref for ref in refs if ref.kind == name.kind])
        return f"{said}: did you mean {name.kind} {near}?" if near else said
    close = get_close_matches(name.kind, kinds, 1)
    return f"{said}: did you mean kind {close[0]}?" if close else f"{said}: it has no object of that kind"


def _near(name: ObjectName | ObjectRule | Accepted, refs: Sequence[Ref]) -> str:
    """The object of a name like it in the namespace that is named, or of the whole like it where there is no such one."""
    there = sorted({ref.name for ref in refs if ref.namespace == name.namespace})
    if there:
        return "".join(f"{name.namespace}/{near}" for near in get_close_matches(name.name, there, 1))
    return "".join(
        get_close_matches(
            f"{name.namespace}/{name.name}", sorted({f"{r.namespace}/{r.name}" for r in refs}), 1
        )
    )

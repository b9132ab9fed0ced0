"""What replay decides about one object of blue: nothing is dropped silently."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from migrate.model.ids import RuleId
from migrate.model.objects import Object, Ref


class Form(StrEnum):
    """In which form an object of blue appears on green."""

    REPLAYED = "replayed"  # as it is, sanitised
    HELD = "held"  # written in a dormant form, with the record of how to release it
    DEFERRED = "deferred"  # created only at cutover
    COMPARED = "compared"  # made on green by who keeps it there, and held against blue's
    SKIPPED = "skipped"  # not written; the rule says why
    UNDECIDED = "needs-decision"  # a person decides before the replay


@dataclass(frozen=True, slots=True)
class Hold:
    """How a held object is released: the merge patch that restores it on green, and the twin's patch on blue.

    `release` and `rest_blue` are JSON merge patches (RFC 7396); `prior` is what the held fields were on blue, a
    missing one as null with its name in `absent`. `rest_blue` is None where blue's twin need not stop first.
    """

    release: Object
    prior: Object
    absent: tuple[str, ...] = ()
    rest_blue: Object | None = None


class RangeKind(StrEnum):
    """Whose addresses of blue a range holds."""

    POD = "pod"
    SERVICE = "service"
    NODE = "node"


@dataclass(frozen=True, slots=True)
class Literal:
    """An address of blue that is written into an object: where, which, and of which kind of range.

    `address` is as it is written; "masked" in a Secret, of which nothing but keys is ever told.
    """

    path: str
    address: str
    range: RangeKind

    def __str__(self) -> str:
        """`address (kind) in path`."""
        return f"{self.address} ({self.range}) in {self.path}"

    def as_json(self) -> dict[str, str]:
        """The literal as JSON, for documents."""
        return {"path": self.path, "address": self.address, "range": self.range.value}


@dataclass(frozen=True, slots=True)
class Decision:
    """One object's fate, by the rule that decided, with its reason.

    `wave` is 1 to 12, 0 where nothing is written; `target` is the sanitised object to write (or, compared, to be made by
    somebody else), None where it is skipped or needs a decision. `workload_class` is "serving", "exclusive" or "unknown" for workloads, else empty. `literals` are
    the addresses of blue that the target names, all of them; `evidence` shows the first. `turn` is when the cutover lets
    go of what is held or deferred (`replay.turns`), else 0. `status` is written behind the object, None where it is left to
    green, as nearly always.
    """

    ref: Ref
    form: Form
    rule: RuleId
    reason: str
    wave: int = 0
    target: Object | None = None
    hold: Hold | None = None
    workload_class: str = ""
    evidence: str = ""
    literals: tuple[Literal, ...] = ()
    turn: int = 0
    status: Object | None = None

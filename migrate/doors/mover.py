"""The door to whoever copies data between the clusters: claims' contents, never objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from migrate.errors import Refused
from migrate.model.ids import RunId
from migrate.model.objects import Ref

Phase = Literal["warm", "final"]
"""`warm`: blue's writers are at work, and it may be done again; `final`: they are off, and green's are not yet on."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One copying of one claim's data; `attempt` tells a pass from an earlier one that was taken back or cut off."""

    run: RunId
    phase: Phase
    claim: Ref
    attempt: int

    def __str__(self) -> str:
        """What a mover remembers it by: unique in the run."""
        return f"{self.run}-{self.phase}-{self.attempt}"


@dataclass(frozen=True, slots=True)
class Amount:
    """What lies on a volume: bytes of contents, holes counted, and regular files (0 on a block device).

    Bytes are what files say that they are long, never the blocks that they take: those differ between file systems.
    """

    bytes: int
    files: int

    def __str__(self) -> str:
        """In words, without separators."""
        return f"{self.files} files, {self.bytes} bytes"


Sample = Mapping[str, str]
"""SHA-256 of some files' contents, in lower-case hexadecimal, by their path from the volume's root."""


@dataclass(frozen=True, slots=True)
class Copied:
    """Both ends as the mover counted them after a pass, and the checksums that it took on either, if it took any."""

    source: Amount
    target: Amount
    source_sample: Sample = field(default_factory=dict)
    target_sample: Sample = field(default_factory=dict)


Going = Callable[[Amount | None], bool]
"""Told how much was copied by now (None where nothing new is known), about once a second; False ends the pass."""


class Mover(Protocol):
    """Copies a claim's data from blue's volume to green's; asked again it goes on, and never copies backwards."""

    def observe(self, task: Pass) -> Copied | None:
        """Ask whether this very pass was done to its end; None where it was not, or nobody knows of it."""
        ...

    def copy(self, task: Pass, deadline: float, going: Going) -> Copied:
        """Copy until green's volume is as blue's, and count both.

        Raises Refused where the mover says no, Unreachable past `deadline` (seconds), Transient where `going` ended it.
        Whatever it raises, asking again is safe.
        """
        ...

    def let_go(self, task: Pass, deadline: float, going: Going) -> None:
        """Take away what passes over the claim have left behind in this run, at work or dead; nothing where nothing is.

        What they copied stays. Raises as `copy`, and asking again is safe.
        """
        ...


class NoMover:
    """The door of a migration that has nothing copied."""

    def observe(self, task: Pass) -> None:
        """Know of nothing."""
        del task

    def copy(self, task: Pass, deadline: float, going: Going) -> Copied:
        """Refuse."""
        del deadline, going
        message = f"nobody copies the data of {task.claim}: workloads.volumes names no mover for it"
        raise Refused(message)

    def let_go(self, task: Pass, deadline: float, going: Going) -> None:
        """Have left nothing."""

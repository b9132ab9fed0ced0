"""What a custom resource has made on blue, to any depth: the workloads that may not run twice, and who makes them.

A custom resource is made alive by a controller of its own: where both stand on green, the controller makes there what
runs on blue still. So the resource waits with the writers, and what it has made on blue is put to rest once its
controller there is off and cannot wake it.
"""

from __future__ import annotations

from dataclasses import dataclass

from migrate.model.objects import Object, Ref


@dataclass(frozen=True, slots=True)
class Child:
    """A workload below a custom resource; `rest` is the patch that puts it to rest on blue, None where none does."""

    ref: Ref
    word: str
    evidence: tuple[str, ...]
    rest: Object | None
    maker: bool = False

    def __str__(self) -> str:
        """The workload, its class, and why."""
        return f"{self.ref} ({self.word}): {'; '.join(self.evidence)}"


@dataclass(frozen=True, slots=True)
class Offspring:
    """What may not run twice below one custom resource, and the workloads that would make it again.

    `obstacle` says why it cannot be put to rest by this program; empty where it can.
    """

    children: tuple[Child, ...]
    makers: tuple[Ref, ...]
    obstacle: str = ""

    def __str__(self) -> str:
        """Every child with its evidence, and by whom they are made."""
        made = f"made by {', '.join(map(str, self.makers))}" if self.makers else ""
        return "; ".join(filter(None, (f"controls {', '.join(map(str, self.children))}", made)))

"""What a program that copies is told, alike from a run and from a person's hand; the contract is docs/mover-command.md."""

from __future__ import annotations

from typing import Any

from migrate.model.objects import Ref

VERSION = 1
"""Of what is written to the program and read from it."""


def end(kubeconfig: str | None, context: str | None, claim: Ref) -> dict[str, Any]:
    """One end of a claim: a kubeconfig file and a context, never what is in them."""
    return {"kubeconfig": kubeconfig, "context": context, "namespace": claim.namespace, "claim": claim.name}


def request(
    do: str, name: str, phase: str, *, source: dict[str, Any], target: dict[str, Any]
) -> dict[str, Any]:
    """What is asked for: `do` it for the pass of that name, from one end to the other."""
    return {
        "version": VERSION,
        "do": do,
        "pass": name,
        "phase": phase,
        "source": source,
        "target": target,
    }

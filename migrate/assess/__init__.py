"""Assess: recognise the CNI, draw the facts, find what stands in the way.

Lives here: sources (one module a CNI), facts, families of findings (one module each). Values in, values out.
Never here: a door, a clock, a write; what to do about a finding is the planner's and the operator's.
"""

from __future__ import annotations

from migrate.assess.facts import cluster_facts, own_ranges
from migrate.assess.judge import codes, document, findings
from migrate.assess.route import require_route
from migrate.assess.sources import detect, residue

__all__ = [
    "cluster_facts",
    "codes",
    "detect",
    "document",
    "findings",
    "own_ranges",
    "require_route",
    "residue",
]

"""Runbook: the Plan and its journal as the documents that a change board reads, and the sheet for the day without us.

Lives here: what is said (a book of plain JSON) and how (templates). Values in, texts out: the same source gives the
same bytes. Never here: a door, a clock, a file of the operator's; what a step does is the step's, not the document's.
"""

from __future__ import annotations

from migrate.runbook.book import book
from migrate.runbook.render import DOCUMENTS, render, stale
from migrate.runbook.source import Origin, Source

__all__ = ["DOCUMENTS", "Origin", "Source", "book", "render", "stale"]

"""Which priority level a request was in, and by which FlowSchema: what an API server says of it in its answers.

Where priority and fairness is on, each answer names both by UID, whether the request was let through or turned away
(apiserver, server/filters/priority-and-fairness.go).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from multidict import istr

from migrate.errors import DoorError
from migrate.kube.transport import Answer, Request
from migrate.model.objects import dig

SCHEMA = istr("X-Kubernetes-PF-FlowSchema-UID")
LEVEL = istr("X-Kubernetes-PF-PriorityLevel-UID")

_GROUP = "/apis/flowcontrol.apiserver.k8s.io"

_AGAIN = 30.0
"""Seconds before names that could not be read are asked for again."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A FlowSchema and its priority level, by UID or by name; empty where none was told."""

    schema: str = ""
    level: str = ""

    def __str__(self) -> str:
        return f"priority level {self.level} (FlowSchema {self.schema})" if self.level else ""


def flow_of(answer: Answer) -> Flow:
    """The UIDs that an answer names; of an aggregated API's two the last, its own server's: the first let it through."""
    schema, level = (answer.headers.get(name, "").rpartition(",")[2].strip() for name in (SCHEMA, LEVEL))
    return Flow(schema, level)


class Flows:
    """Finds the names behind UIDs, by one list of all FlowSchemas; each of them names its priority level."""

    def __init__(self, fetch: Callable[[Request], Awaitable[Answer]]) -> None:
        self._fetch = fetch
        self._names: dict[str, Flow] = {}
        self._asked_at = float("-inf")

    async def named(self, flow: Flow) -> Flow:
        """The same by names; by UID still where they cannot be read just now, or may not be."""
        missing = flow.schema and flow.schema not in self._names
        if missing and time.monotonic() - self._asked_at >= _AGAIN:
            self._asked_at = time.monotonic()
            with suppress(DoorError, ValueError):
                self._names = await self._read()
        return self._names.get(flow.schema, flow)

    async def _read(self) -> dict[str, Flow]:
        group = await self._object(_GROUP)
        version = dig(group, "preferredVersion", "version", default="v1")
        listed = await self._object(f"{_GROUP}/{version}/flowschemas")
        return {
            str(dig(schema, "metadata", "uid")): Flow(
                str(dig(schema, "metadata", "name")),
                str(dig(schema, "spec", "priorityLevelConfiguration", "name")),
            )
            for schema in listed.get("items") or ()
        }

    async def _object(self, path: str) -> Mapping[str, Any]:
        answer = await self._fetch(Request("GET", path, f"read {path}"))
        found = answer.json()
        return found if isinstance(found, Mapping) else {}

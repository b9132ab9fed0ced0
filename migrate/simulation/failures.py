"""Small faults that a demo or a test may switch on; they live in the world's file and outlast a process."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from migrate.doors.cluster import Write
from migrate.errors import DoorError, Forbidden, Invalid, Refused, Transient, Unreachable
from migrate.model.ids import Side
from migrate.model.objects import Resource
from migrate.simulation.store import Store

_ERRORS: dict[str, type[DoorError]] = {"invalid": Invalid, "forbidden": Forbidden, "refused": Refused}


class Failures:
    """The faults that are on."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def break_side(self, side: Side, broken: bool = True) -> None:
        """Let a side's workloads answer nothing: probes and client requests fail; its API server goes on."""
        self._set("broken", side.value, broken or None)

    def cut_api(self, side: Side, cut: bool = True) -> None:
        """Let a side's API server answer nothing: every call of ours raises Unreachable."""
        self._set("cut", side.value, cut or None)

    def slow(self, side: Side, factor: float | None) -> None:
        """Multiply a side's latencies; None ends it."""
        self._set("slow", side.value, factor)

    def fail_requests(self, side: Side, percent: int) -> None:
        """Let so many percent of the client requests to a side fail; 0 ends it."""
        self._set("percent", side.value, percent or None)

    def unready(self, side: Side, namespace: str, name: str = "*", *, on: bool = True) -> None:
        """Keep pods whose namespace and name match these globs from turning Ready when they start."""
        self._set("unready", f"{side.value} {namespace}/{name}", on or None)

    def refuse(
        self,
        side: Side,
        *,
        verb: str = "*",
        resource: str = "*",
        namespace: str = "*",
        name: str = "*",
        error: str = "invalid",
        message: str = "refused by a fault of the simulation",
        times: int | None = None,
    ) -> None:
        """Refuse writes of ours that match these globs, `times` times or until `forgive`.

        `resource` is the resource's name such as "deployments.apps"; `error` is "invalid", "forbidden", "refused",
        "transient" or "unreachable" (nothing happens in any of them), or "lost": the write takes effect and its reply
        never comes.
        """
        rules = [*(self._store.value("fault:refuse") or [])]
        rules.append(
            {
                "side": side.value, "verb": verb, "resource": resource, "namespace": namespace, "name": name,
                "error": error, "message": message, "times": times,
            }
        )  # fmt: skip
        self._store.set_value("fault:refuse", rules)

    def deny(self, side: Side, verb: str, resource: str) -> None:
        """Let access reviews for a verb and a resource's name (globs) say no."""
        denied = [*(self._store.value("fault:deny") or []), [side.value, verb, resource]]
        self._store.set_value("fault:deny", denied)

    def forgive(self) -> None:
        """Switch every fault off."""
        for what in ("broken", "cut", "slow", "percent", "unready", "refuse", "deny"):
            self._store.set_value(f"fault:{what}", None)

    # --- what the world asks --------------------------------------------------------------------------------------

    def broken(self, side: Side) -> bool:
        """Whether a side's workloads answer nothing."""
        return bool(self._get("broken").get(side.value))

    def cut(self, side: Side) -> bool:
        """Whether a side's API server answers nothing."""
        return bool(self._get("cut").get(side.value))

    def slowness(self, side: Side) -> float:
        """By how much a side's latencies are multiplied."""
        return float(self._get("slow").get(side.value, 1.0))

    def percent(self, side: Side) -> int:
        """How many percent of the client requests to a side fail."""
        return int(self._get("percent").get(side.value, 0))

    def keeps_unready(self, side: Side, namespace: str, name: str) -> bool:
        """Whether a pod is kept from turning Ready."""
        return any(fnmatchcase(f"{side.value} {namespace}/{name}", glob) for glob in self._get("unready"))

    def may(self, side: Side, verb: str, resource: Resource, namespace: str) -> bool:
        """Whether an access review says yes."""
        del namespace
        return not any(
            where == side.value and fnmatchcase(verb, verbs) and fnmatchcase(resource.name, names)
            for where, verbs, names in self._store.value("fault:deny") or ()
        )

    def strike(self, side: Side, write: Write) -> DoorError | None:
        """Raise the error of the first `refuse` that matches a write, and count it; return one that comes too late."""
        rules = self._store.value("fault:refuse")
        for rule in rules or ():
            if rule["side"] != side.value or rule["times"] == 0 or not _matches(rule, write):
                continue
            if rule["times"] is not None:
                rule["times"] -= 1
                self._store.set_value("fault:refuse", rules)
            if rule["error"] == "lost":
                return Unreachable(rule["message"])
            raise _error(rule["error"], rule["message"])
        return None

    def _get(self, what: str) -> dict[str, Any]:
        return self._store.value(f"fault:{what}") or {}

    def _set(self, what: str, key: str, value: Any) -> None:
        found = {k: v for k, v in self._get(what).items() if k != key}
        if value is not None:
            found[key] = value
        self._store.set_value(f"fault:{what}", found or None)


def _matches(rule: dict[str, Any], write: Write) -> bool:
    pairs = (
        (write.verb.value, rule["verb"]),
        (write.resource.name, rule["resource"]),
        (write.namespace, rule["namespace"]),
        (write.name, rule["name"]),
    )
    return all(fnmatchcase(value, glob) for value, glob in pairs)


def _error(kind: str, message: str) -> DoorError:
    if kind == "transient":
        return Transient(message)
    if kind == "unreachable":
        return Unreachable(message)
    made = _ERRORS[kind]
    if issubclass(made, Refused):
        return made(message, status=403 if kind == "forbidden" else 422, reason="Simulated")
    return made(message)

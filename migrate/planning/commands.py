"""What a person would type instead of the tool: the same change, as a command or a sentence."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from migrate.model.ids import RouteName
from migrate.model.migration import HAProxy, Migration

FULL = 256
"""HAProxy's highest weight of a server; source: HAProxy's management guide, `set server … weight`."""


def weigh(migration: Migration, route: RouteName, green: int) -> str:
    """The command that sends `green` percent of a route to green."""
    cutover = migration.cutover
    if cutover.kind == "haproxy" and cutover.haproxy is not None:
        return haproxy(cutover.haproxy, green)
    if cutover.kind == "command" and cutover.command is not None:
        return shlex.join([w.format(route=route, green=green) for w in cutover.command.set])
    if cutover.kind == "manual" and cutover.manual is not None:
        return cutover.manual.instruction.format(route=route, percent=green)
    return f"send {green} % of {route} to green"


def haproxy(spec: HAProxy, green: int) -> str:
    """The runtime commands, one a server, through socat; the raised side first, so that no moment has no server."""
    greens, blues = weights(green, len(spec.green)), weights(100 - green, len(spec.blue))
    up = [f"set weight {spec.backend}/{s} {w}" for s, w in zip(spec.green, greens, strict=True)]
    down = [f"set weight {spec.backend}/{s} {w}" for s, w in zip(spec.blue, blues, strict=True)]
    target = f"UNIX-CONNECT:{spec.socket}" if "/" in spec.socket else f"TCP:{spec.socket}"
    lines = [*up, *down] if green else [*down, *up]
    return "\n".join(f"echo {shlex.quote(line)} | socat stdio {target}" for line in lines)


def weights(percent: int, servers: int) -> Sequence[int]:
    """An even weight for every server of a side, in HAProxy's 0 to 256."""
    return [round(FULL * percent / 100)] * servers

"""What a person would type instead of the tool to send traffic: the same change, as a command or a sentence."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from migrate.errors import Refused
from migrate.model.ids import RouteName
from migrate.model.migration import HAProxy, Migration
from migrate.planning.haproxy_weights import order, spread


@dataclass(frozen=True, slots=True)
class Target:
    """A route as HAProxy has it, and the socket through which it is set."""

    socket: str
    backend: str
    blue: tuple[str, ...]
    green: tuple[str, ...]
    state_file: str | None = None


def weigh(migration: Migration, route: RouteName, green: int, *, now: int | None = None) -> str:
    """The command that sends `green` percent of a route to green, one line a change.

    `now` is the split that stands; with it only what differs is set, as the tool does. Without it every server is.
    """
    cutover = migration.cutover
    if cutover.kind == "haproxy" and cutover.haproxy is not None:
        return "\n".join(haproxy(target(migration, route), green, now=now))
    if cutover.kind == "command" and cutover.command is not None:
        told = {"OPERATION": "set", "ROUTE": route, "GREEN": str(green)}
        variables = [f"CNIMIGRATE_{name}={shlex.quote(value)}" for name, value in told.items()]
        return " ".join([*variables, *map(word, filled(cutover.command.set, route, str(green)))])
    if cutover.kind == "manual" and cutover.manual is not None:
        # its braces were checked when the file was read
        return cutover.manual.instruction.format(route=route, percent=green)
    return f"send {green} % of {route} to green"


def filled(argv: Sequence[str], route: str, green: str) -> list[str]:
    """The words of the operator's own program with route and percentage filled in; other braces stay."""
    return [each.replace("{route}", route).replace("{green}", green) for each in argv]


def word(text: str) -> str:
    """Quote a word for a shell, but let it expand a leading `~/`."""
    return f"~/{shlex.quote(text[2:])}" if text.startswith("~/") and text != "~/" else shlex.quote(text)


def target(migration: Migration, route: RouteName) -> Target:
    """The servers of a route: its own, or those of `haproxy`. Only for a file whose cutover is by HAProxy."""
    part = migration.cutover.haproxy
    assert part is not None
    own = next((r for r in migration.cutover.routes if r.name == route), None)
    return Target(
        part.socket,
        (own and own.backend) or part.backend,
        (own and own.blue) or part.blue,
        (own and own.green) or part.green,
        part.state_file,
    )


def haproxy(spec: HAProxy | Target, green: int, *, now: int | None = None) -> tuple[str, ...]:
    """The runtime commands in the tool's own order, one a server, through socat.

    They hold while every server is ready and the servers of a side are configured alike; the tool itself reads both
    from HAProxy first. A split that no weights express is a comment that says so.
    """
    try:
        before = dealt(spec, now if now is not None else (100 if green == 0 else 0))
        after = dealt(spec, green)
    except Refused as error:
        return (f"# the tool refuses this: {error}",)
    changes = list(order(before, after, spec.green))
    if now is None:
        changes += [(name, weight) for name, weight in after.items() if (name, weight) not in changes]
    lines = [f"set server {spec.backend}/{name} weight {weight}" for name, weight in changes]
    saved = [f"{ask(spec, 'show servers state')} > {word(spec.state_file)}"] if spec.state_file else []
    return (*(ask(spec, line) for line in lines), *saved)


def dealt(spec: HAProxy | Target, green: int) -> Mapping[str, int]:
    """The weight of every server of a route at a split; raises Refused where no weights express it."""
    blues, greens = spread(green, (1,) * len(spec.blue), (1,) * len(spec.green))
    pairs: Iterable[tuple[str, int]] = [
        *zip(spec.blue, blues, strict=True),
        *zip(spec.green, greens, strict=True),
    ]
    return dict(pairs)


def ask(spec: HAProxy | Target, line: str) -> str:
    """One line for HAProxy's runtime socket, by Unix path or `host:port`."""
    host, _, port = spec.socket.rpartition(":")
    over_tcp = bool(host) and port.isdigit() and "/" not in spec.socket
    # unquoted, a leading ~/ behind a colon would not be expanded by the shell
    path = spec.socket.replace("~/", "$HOME/", 1) if spec.socket.startswith("~/") else spec.socket
    address = f"TCP:{spec.socket}" if over_tcp else f'"UNIX-CONNECT:{path}"' if path != spec.socket else ""
    return f"echo {shlex.quote(line)} | socat stdio {address or shlex.quote(f'UNIX-CONNECT:{path}')}"

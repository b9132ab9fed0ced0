"""HAProxy, driven through its runtime socket; the page for operators is docs/cutover-haproxy.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from migrate.cutovers.routes import Routes, missing
from migrate.cutovers.runtime_api import Backend, RuntimeSocket, Server, StaticAlgorithm
from migrate.cutovers.store import Store
from migrate.doors.clock import Clock
from migrate.doors.traffic import Counts, Sample, Share
from migrate.errors import DoorError, MigrationFileError, Refused, Unreachable
from migrate.files import replace
from migrate.model.ids import RouteName, Side
from migrate.model.migration import Cutover, HAProxy, RouteSpec
from migrate.planning import haproxy_weights

KIND = "haproxy"

_NO_WEIGHTS = frozenset(
    {"first"}
)  # takes any weight and heeds only whether it is 0 (configuration manual, balance)
_BY_LOAD = frozenset({"leastconn"})


@dataclass(frozen=True, slots=True)
class _Target:
    """One route as HAProxy has it: the backend and which of its servers belong to which side."""

    backend: str
    blue: tuple[str, ...]
    green: tuple[str, ...]

    @property
    def servers(self) -> tuple[str, ...]:
        return self.blue + self.green

    def of(self, side: Side) -> tuple[str, ...]:
        return self.blue if side is Side.BLUE else self.green


class HAProxyTraffic:
    """Traffic split by the weights of one or more backends; each call opens its own short connections.

    `store` remembers the process that a split was set in, so that a later run sees that HAProxy was reloaded since.
    Raises MigrationFileError for a file that lacks `haproxy` or names a server on both sides.
    """

    def __init__(self, spec: Cutover, clock: Clock, store: Store | None = None) -> None:
        if spec.haproxy is None:
            raise missing(KIND)
        self._socket = RuntimeSocket(spec.haproxy.socket)
        self._routes = Routes.of(spec, default=spec.haproxy.backend)
        self._targets = {name: _target(spec.haproxy, self._routes.get(name)) for name in self._routes.names()}
        self._state_file = Path(spec.haproxy.state_file).expanduser() if spec.haproxy.state_file else None
        self._clock = clock
        self._store = store if store is not None else {}

    @property
    def kind(self) -> str:
        """As in the migration file."""
        return KIND

    def routes(self) -> tuple[RouteName, ...]:
        """The routes of the file; one named like the backend where it lists none."""
        return self._routes.names()

    def read(self, route: RouteName) -> Share:
        """Read the weights of the servers that are ready; health and strangers are told in `detail`.

        `green` is what the weights say, also while a server is down: HAProxy then sends its part to the others.
        """
        target, backend = self._look(route)
        ready = {name: server.weight for name, server in backend.servers.items() if server.admin == "ready"}
        own = {name: ready[name] for name in target.servers if name in ready}
        wrong = _inconsistencies(target, backend, own)
        return Share(
            green=haproxy_weights.percent(own, [name for name in target.green if name in own]),
            servers={name: _words(backend.servers[name]) for name in target.servers},
            consistent=not wrong,
            detail="; ".join([*wrong, *_notes(target, backend), *self._reloaded(route)]),
        )

    def set(self, route: RouteName, green: int) -> None:
        """Set the weights one server after the other, each read back; then save them to `state_file`.

        On a refusal on the way, what was changed is put back before Refused is raised; where that is not possible, or
        an answer is missing, Unreachable says what stands. A split that has no way to serve is refused beforehand.
        Where the weights stand and only their saving or noting failed, Refused says so.
        """
        if not 0 <= green <= 100:
            raise Refused(f"{green} is no percentage; a route takes 0 to 100")
        target, backend = self._look(route)
        _check(target, backend, green)
        falling = green <= self.read(route).green
        if not falling:
            # before anything changes: a state file that cannot be written is found out now; the way back to blue is
            # never refused for a file's sake
            self._save("a reload of HAProxy would forget the weights")
        self._make_ready(target, backend, green)
        target, backend = self._look(route)
        wanted = _wanted(target, backend, green)
        before = {name: backend.servers[name].weight for name in target.servers}
        relative = self._change(target, before, wanted)
        self._read_back(route, target, wanted, relative=relative)
        self._save(
            f"the weights of {green} % stand, but a reload of HAProxy would take those that the file has"
        )
        self._note(route, green)

    def counts(self, route: RouteName) -> Mapping[Side, Counts] | None:
        """Sum the servers' own counters: sessions in `requests`; failed connections, bad replies and 5xx in `errors`.

        In HTTP mode a session is a request. Requests for which no server was left are the backend's and no side's.
        """
        target, backend = self._look(route)
        epoch = self._socket.process().epoch
        return {side: _sum([backend.servers[name] for name in target.of(side)], epoch) for side in Side}

    def probe(self, route: RouteName, side: Side, *, count: int, rate: float) -> Sample:
        """Send requests straight to one side, past HAProxy."""
        return self._routes.probe(route, side, count=count, rate=rate)

    def sample(self, route: RouteName, *, count: int, rate: float) -> Sample:
        """Send requests through HAProxy, as a client would."""
        return self._routes.sample(route, count=count, rate=rate)

    def _look(self, route: RouteName) -> tuple[_Target, Backend]:
        self._routes.get(route)
        target = self._targets[route]
        backend = self._socket.backend(target.backend)
        absent = [name for name in target.servers if name not in backend.servers]
        if absent:
            raise Refused(
                f"backend {backend.name} at {self._socket.address} has no server {', '.join(absent)}; "
                f"it has {', '.join(backend.servers)}"
            )
        return target, backend

    def _make_ready(self, target: _Target, backend: Backend, green: int) -> None:
        for side in _serving(green):
            servers = [backend.servers[name] for name in target.of(side)]
            # A single server in maintenance is a person's decision; a whole side that shall serve is ours.
            if all(server.admin != "ready" for server in servers):
                for server in servers:
                    # First without weight: its configured one would send it traffic before its turn.
                    self._one(backend.name, server.name, 0, all_or_nothing=True)
                    self._socket.set_ready(backend.name, server.name)

    def _change(self, target: _Target, before: Mapping[str, int], wanted: Mapping[str, int]) -> bool:
        """Set what differs, in order; whether it took weights relative to the configuration (a static algorithm)."""
        done: list[str] = []
        relative = False
        try:
            for name, weight in haproxy_weights.order(before, wanted, target.green):
                done.append(name)  # before the act: an answer that is missing may stand for a change
                relative |= self._one(
                    target.backend, name, weight, all_or_nothing=_all_or_nothing(target, wanted)
                )
        except DoorError as error:
            raise self._put_back(target, before, done, error) from error
        return relative

    def _one(self, backend: str, name: str, weight: int, *, all_or_nothing: bool) -> bool:
        try:
            self._socket.set_weight(backend, name, str(weight))
        except StaticAlgorithm as error:
            if not all_or_nothing:
                raise Refused(
                    f"backend {backend} balances by a static algorithm, which takes only 0 % and 100 %: {error.reason} "
                    "Write `balance roundrobin` (or `hash-type consistent`), or ramp: [100]",
                    reason=error.reason,
                ) from error
            self._socket.set_weight(backend, name, "100%" if weight else "0%")
            if bool(self._socket.weight(backend, name)) != bool(weight):
                raise Refused(
                    f"server {backend}/{name} is configured with weight 0, and a static algorithm takes no other: "
                    "give it a weight in HAProxy's configuration and keep it out with `disabled` until the cutover"
                ) from error
            return True
        found = self._socket.weight(backend, name)
        if found != weight:
            raise Refused(
                f"server {backend}/{name} has weight {found} after weight {weight} was set and accepted"
            )
        return False

    def _put_back(
        self, target: _Target, before: Mapping[str, int], done: list[str], cause: DoorError
    ) -> DoorError:
        """Undo a change that was cut off; the error to raise."""
        try:
            for name in reversed(done):
                if self._socket.weight(target.backend, name) != before[name]:
                    self._socket.set_weight(target.backend, name, str(before[name]))
            stands = {name: self._socket.weight(target.backend, name) for name in done}
        except DoorError as error:
            return Unreachable(f"{cause} While it was put back: {error} Look at {', '.join(done)} again.")
        if any(stands[name] != before[name] for name in done):
            return Unreachable(
                f"{cause} It could not be put back: {stands} stands, {dict(before)} stood before."
            )
        if isinstance(cause, Refused):
            return Refused(f"{cause} (the split is as it was)", status=cause.status, reason=cause.reason)
        return cause

    def _read_back(
        self, route: RouteName, target: _Target, wanted: Mapping[str, int], *, relative: bool
    ) -> None:
        found = {name: server.weight for name, server in self._look(route)[1].servers.items()}
        for name in target.servers:
            # A static algorithm knows only its configured weight; what counts is on or off.
            if bool(found[name]) != bool(wanted[name]) if relative else found[name] != wanted[name]:
                raise Refused(
                    f"server {target.backend}/{name} has weight {found[name]} and not {wanted[name]}, which was set and "
                    "read back a moment ago: something else changes it too (an agent check, another tool)"
                )

    def _save(self, otherwise: str) -> None:
        if self._state_file is None:
            return
        try:
            replace(self._state_file, self._socket.states(), mode=0o644)
        except OSError as error:
            raise Refused(
                f"the servers' state cannot be saved to {self._state_file}: {error.strerror or error}; {otherwise}. "
                "Mend it, or leave haproxy.stateFile out",
                reason=type(error).__name__,
            ) from error

    def _note(self, route: RouteName, green: int) -> None:
        note = {"epoch": self._socket.process().epoch, "green": green, "at": self._clock.now().isoformat()}
        try:
            self._store[f"{KIND}/{route}"] = json.dumps(note, sort_keys=True)
        except OSError as error:
            raise Refused(
                f"the weights of {green} % stand, but that could not be noted: {error}",
                reason=type(error).__name__,
            ) from error

    def _reloaded(self, route: RouteName) -> list[str]:
        """What speaks of a reload since the last setting; a note is no reason not to read or set a weight."""
        try:
            noted = self._store.get(f"{KIND}/{route}")
            note = None if noted is None else json.loads(noted)
            if note is None or note["epoch"] == self._socket.process().epoch:
                return []
            return [f"HAProxy was reloaded or restarted since {note['green']} % was set at {note['at']}"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            return [f"what was noted of {route} cannot be read: {error}"]


def make(spec: Cutover, clock: Clock, store: Store) -> HAProxyTraffic:
    """Make this kind's side of the door."""
    return HAProxyTraffic(spec, clock, store)


def _target(part: HAProxy, route: RouteSpec) -> _Target:
    target = _Target(route.backend or part.backend, route.blue or part.blue, route.green or part.green)
    twice = sorted({name for name in target.servers if target.servers.count(name) > 1})
    if twice:
        raise MigrationFileError(
            [f"cutover: server {name} of route {route.name} is named twice" for name in twice]
        )
    return target


def _serving(green: int) -> list[Side]:
    return [side for side, part in ((Side.BLUE, 100 - green), (Side.GREEN, green)) if part]


def _all_or_nothing(target: _Target, wanted: Mapping[str, int]) -> bool:
    return not all(any(wanted[name] for name in target.of(side)) for side in Side)


def _check(target: _Target, backend: Backend, green: int) -> None:
    """Refuse what weights cannot bring about; the way back to blue is never refused for blue's health."""
    backups = [name for name in target.servers if backend.servers[name].backup]
    if backups:
        raise Refused(
            f"{', '.join(backups)} of backend {backend.name} are backup servers, which heed no weight"
        )
    if 0 < green < 100 and backend.algorithm in _NO_WEIGHTS:
        raise Refused(
            f"backend {backend.name} has `balance {backend.algorithm}`, which heeds no weight but 0: "
            "only 0 and 100 % can be set. Write `balance roundrobin`, or ramp: [100]"
        )
    # Of a server in maintenance the health is not known: checks are paused, and it is taken for up when it is released.
    alive = {
        side: any(backend.servers[n].up or backend.servers[n].admin == "maint" for n in target.of(side))
        for side in Side
    }
    if green and alive[Side.BLUE] and not alive[Side.GREEN]:
        states = ", ".join(f"{name} {backend.servers[name].status}" for name in target.green)
        raise Refused(f"no server of green is up in backend {backend.name} ({states}); it gets no traffic")


def _wanted(target: _Target, backend: Backend, green: int) -> dict[str, int]:
    """The weight of each server; one that a person holds in drain or maintenance gets 0.

    A split that already stands at 0 or 100 % stays as it is: whatever its weights are, nothing would be gained.
    """
    serving = {
        side: [name for name in target.of(side) if backend.servers[name].admin == "ready"] for side in Side
    }
    for side in _serving(green):
        if not serving[side]:
            states = ", ".join(f"{name} {backend.servers[name].status}" for name in target.of(side))
            raise Refused(f"no server of {side} leaves maintenance in backend {backend.name} ({states})")
    now = {name: backend.servers[name].weight for name in target.servers}
    on, off = (Side.GREEN, Side.BLUE) if green == 100 else (Side.BLUE, Side.GREEN)
    if green in {0, 100} and all(now[n] for n in serving[on]) and not any(now[n] for n in target.of(off)):
        return {name: now[name] if name in serving[on] else 0 for name in target.servers}
    blue, greens = (_capacities([backend.servers[name] for name in serving[side]]) for side in Side)
    dealt = haproxy_weights.spread(green, blue, greens)
    wanted = dict.fromkeys(target.servers, 0)
    for side, part in zip(Side, dealt, strict=True):
        wanted.update(zip(serving[side], part, strict=True))
    return wanted


def _capacities(servers: list[Server]) -> tuple[int, ...]:
    """How a side's servers relate: by their configured weights where each has one, else equally.

    Green is often configured with weight 0, so that it takes nothing before the cutover.
    """
    return (
        tuple(server.initial for server in servers)
        if all(s.initial for s in servers)
        else (1,) * len(servers)
    )


def _sum(servers: list[Server], epoch: str) -> Counts:
    return Counts(
        requests=sum(server.total for server in servers),
        errors=sum(server.errors for server in servers),
        sessions=sum(server.sessions for server in servers),
        epoch=epoch,
    )


def _words(server: Server) -> str:
    plain = server.admin == "ready" or server.status.startswith(server.admin.upper())
    return f"weight {server.weight}, {server.status}" + ("" if plain else f", {server.admin}")


def _inconsistencies(target: _Target, backend: Backend, own: Mapping[str, int]) -> list[str]:
    found = []
    if not any(own.values()):
        found.append("no server that is ready has weight: nothing is served")
    down = [name for name in own if own[name] and not backend.servers[name].up]
    if down:
        found.append(f"down with weight, so that the others take its part: {', '.join(down)}")
    strangers = [
        server.name
        for server in backend.servers.values()
        if server.name not in target.servers and server.weight and not server.backup and server.usable
    ]
    if strangers:
        found.append(f"takes traffic and belongs to neither side: {', '.join(strangers)}")
    for side in Side:
        held = [name for name in target.of(side) if name not in own]
        if held and any(own.get(name) for name in target.of(side)):
            found.append(f"held in drain or maintenance while the rest of {side} serves: {', '.join(held)}")
    return found


def _notes(target: _Target, backend: Backend) -> list[str]:
    notes = []
    if backend.cookie or any(backend.servers[name].cookie for name in target.servers):
        name = f" {backend.cookie}" if backend.cookie else ""
        notes.append(f"cookie{name} keeps a client on its server: clients of blue stay there at weight 0")
    if backend.algorithm in _BY_LOAD:
        notes.append(
            f"balance {backend.algorithm} goes by open connections: the split in requests can differ"
        )
    warming = [name for name in target.servers if backend.servers[name].throttled]
    if warming:
        notes.append(f"in slowstart, below its weight: {', '.join(warming)}")
    return notes

"""The operator's own programs; the contract is docs/cutover-command.md."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from migrate.cutovers.routes import Routes, missing
from migrate.cutovers.store import Store
from migrate.doors.clock import Clock
from migrate.doors.traffic import Counts, Sample, Share
from migrate.errors import Refused, Transient, Unreachable
from migrate.model.ids import RouteName, Side
from migrate.model.migration import Cutover, seconds
from migrate.planning import commands
from migrate.processes import end_group

KIND = "command"

TRY_AGAIN = os.EX_TEMPFAIL
"""The exit code (75, sysexits.h) by which a program says: nothing happened, try again."""

NOT_KNOWN = os.EX_IOERR
"""The exit code (74) by which a program says: begun, and I do not know how it ended."""

_GRACE = 2.0
_TAIL = 2000


class CommandTraffic:
    """Traffic split by programs that read, set and count; each is started anew and bounded by the deadline.

    Raises MigrationFileError for a file that lacks `command`.
    """

    def __init__(self, spec: Cutover, clock: Clock) -> None:
        if spec.command is None:
            raise missing(KIND)
        self._spec = spec.command
        self._deadline = seconds(spec.command.deadline)
        self._routes = Routes.of(spec)
        self._clock = clock

    @property
    def kind(self) -> str:
        """As in the migration file."""
        return KIND

    def routes(self) -> tuple[RouteName, ...]:
        """The routes of the file; one named "default" where it lists none."""
        return self._routes.names()

    def read(self, route: RouteName) -> Share:
        """Run `read` and take its JSON; raises Refused for what is no answer, Unreachable past the deadline."""
        self._routes.get(route)
        answer = self._json(self._spec.read, route, "read")
        green, servers = answer.get("green", -1), answer.get("servers", {})
        if not isinstance(green, int) or isinstance(green, bool) or not 0 <= green <= 100:
            raise Refused(f"read of {route} says green is {green!r}; it must be a whole number from 0 to 100")
        if not isinstance(servers, dict):
            raise Refused(f"read of {route} says servers is {servers!r}; it must be an object of texts")
        return Share(
            green=green,
            servers={str(name): str(state) for name, state in servers.items()},
            consistent=answer.get("consistent", True) is True,
            detail=str(answer.get("detail", "")),
        )

    def set(self, route: RouteName, green: int) -> None:
        """Run `set` and read back; raises Refused for its refusal or another split, Unreachable past the deadline."""
        self._routes.get(route)
        if not 0 <= green <= 100:
            raise Refused(f"{green} is no percentage; a route takes 0 to 100")
        self._run(self._spec.set, route, "set", green)
        found = self.read(route).green
        if found != green:
            raise Refused(
                f"set of {route} to {green} ended well, but read says {found}: nothing may be claimed"
            )

    def counts(self, route: RouteName) -> Mapping[Side, Counts] | None:
        """Run `counts` where there is one and take its JSON; None without, or where it prints null."""
        self._routes.get(route)
        if not self._spec.counts:
            return None
        text = self._run(self._spec.counts, route, "counts")
        if text.strip() == "null":
            return None
        answer = _object(text, route, "counts")
        return {side: _counts(answer, side, route) for side in Side}

    def probe(self, route: RouteName, side: Side, *, count: int, rate: float) -> Sample:
        """Send requests straight to one side."""
        return self._routes.probe(route, side, count=count, rate=rate)

    def sample(self, route: RouteName, *, count: int, rate: float) -> Sample:
        """Send requests as a client would."""
        return self._routes.sample(route, count=count, rate=rate)

    def _json(self, argv: Sequence[str], route: RouteName, operation: str) -> dict[str, Any]:
        return _object(self._run(argv, route, operation), route, operation)

    def _run(self, argv: Sequence[str], route: RouteName, operation: str, green: int | None = None) -> str:
        """Run one program to its end and return what it printed; what it left running in its group is ended."""
        percent = "" if green is None else str(green)
        words = commands.filled([_home(word) for word in argv], route, percent)
        title = f"{words[0]} ({operation})"  # not its other words: there may be a token among them
        environment = {
            **os.environ,
            "CNIMIGRATE_OPERATION": operation,
            "CNIMIGRATE_ROUTE": route,
            "CNIMIGRATE_GREEN": percent,
        }
        # Files and not pipes: a grandchild that keeps a pipe open would hold us beyond the deadline.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                process = subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    env=environment,
                    start_new_session=True,
                )
            except OSError as error:
                raise Refused(
                    f"{words[0]} cannot be started: {error.strerror or error}. Nothing was done."
                ) from error
            try:
                code = process.wait(self._deadline)
            except subprocess.TimeoutExpired as error:
                raise Unreachable(
                    f"{title} did not end within {self._deadline:g} s and was killed; whether it took effect is "
                    f"not known{_tail(err)}"
                ) from error
            finally:
                end_group(process.pid, _GRACE, lambda: process.poll() is not None)
            if code == TRY_AGAIN:
                raise Transient(f"{title} says: try again (exit {code}){_tail(err)}")
            if code == NOT_KNOWN:
                raise Unreachable(f"{title} does not know whether it took effect (exit {code}){_tail(err)}")
            if code < 0:
                raise Unreachable(f"{title} was ended by {signal.Signals(-code).name}{_tail(err)}")
            if code:
                raise Refused(f"{title} refused (exit {code}){_tail(err)}", reason=f"exit {code}")
            out.seek(0)
            return out.read().decode(errors="replace")


def make(spec: Cutover, clock: Clock, store: Store) -> CommandTraffic:  # noqa: ARG001 - the programs keep their own state
    """Make this kind's side of the door."""
    return CommandTraffic(spec, clock)


def _home(word: str) -> str:
    # By hand, because Path would make a bare `turn` of `./turn`, which is then looked for on PATH.
    return f"{Path.home()}/{word[2:]}" if word.startswith("~/") else word


def _tail(err: Any) -> str:
    """The end of what a program wrote to stderr, ready to be put behind a sentence; empty where it wrote nothing."""
    err.seek(0, os.SEEK_END)
    err.seek(max(0, err.tell() - _TAIL))
    text = err.read().decode(errors="replace").strip()
    return f": {text}" if text else ""


def _object(text: str, route: RouteName, operation: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Refused(f"{operation} of {route} printed no JSON: {text[:200]!r}") from error
    if not isinstance(value, dict):
        raise Refused(f"{operation} of {route} printed no JSON object: {text[:200]!r}")
    return value


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _counts(answer: Mapping[str, Any], side: Side, route: RouteName) -> Counts:
    part = answer.get(side.value)
    if not isinstance(part, dict):
        raise Refused(f"counts of {route} has no object {side.value!r}")
    numbers = {key: part.get(key, 0) for key in ("requests", "errors", "sessions")}
    wrong = {key: value for key, value in numbers.items() if not _is_whole(value)}
    if wrong or "requests" not in part:
        raise Refused(
            f"counts of {route} says {dict(part)!r} of {side}; requests, errors and sessions are whole numbers"
        )
    return Counts(**numbers, epoch=str(answer.get("epoch", "")))

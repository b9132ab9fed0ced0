"""HAProxy's runtime API over its socket: one question, one answer, every answer read.

The commands and columns are those of HAProxy's management guide, chapters 9.1 and 9.3. The socket answers errors as
plain text and success as an empty line, so nothing here takes silence for success: what was set is read back.
"""

from __future__ import annotations

import csv
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from migrate.errors import Refused, Unreachable

TIMEOUT = 5.0
"""Seconds for one command; the process answers between two rounds of its event loop, usually within a millisecond."""

_MAINT = 0x23  # forced, inherited, or for want of an address: SRV_ADMF_MAINT; 0x04 alone only says that the file had it
_DRAIN = 0x18  # forced or inherited: SRV_ADMF_DRAIN

_STATIC = "static LB algorithm"
_DENIED = "Permission denied"


class StaticAlgorithm(Refused):
    """Report that the backend balances by an algorithm that takes only 0 % and 100 % of the configured weight."""


@dataclass(frozen=True, slots=True)
class Server:
    """One server as `show servers state` and `show stat` tell of it.

    `weight` is the one set by a person, `initial` the configured one; `status` is HAProxy's word, such as "UP" or
    "MAINT"; `admin` is "ready", "drain" or "maint"; the counters are those of the running process only.
    """

    name: str
    weight: int
    initial: int
    status: str
    admin: str
    up: bool
    backup: bool = False
    cookie: str = ""
    throttled: bool = False
    sessions: int = 0
    total: int = 0
    errors: int = 0

    @property
    def usable(self) -> bool:
        """Whether it would take new traffic, had it weight."""
        return self.up and self.admin == "ready"


@dataclass(frozen=True, slots=True)
class Backend:
    """One backend: how it balances, the name of its persistence cookie where it has one, and its servers by name.

    `algorithm` is empty where the socket's level is below operator, which hides it.
    """

    name: str
    algorithm: str
    cookie: str
    servers: Mapping[str, Server]


@dataclass(frozen=True, slots=True)
class Process:
    """The process that answered: its version, id and start; a reload makes another one."""

    version: str
    pid: str
    started: str

    @property
    def epoch(self) -> str:
        """What tells one process from the next; the id alone where the version does not say when it was started."""
        return f"{self.pid}@{self.started}" if self.started else self.pid


class RuntimeSocket:
    """One runtime socket, by Unix path or by `host:port`; every command has a connection of its own.

    Raises Refused where nothing was sent or HAProxy said no, Unreachable where the answer to a sent command is missing.
    """

    def __init__(self, address: str, *, timeout: float = TIMEOUT) -> None:
        self.address = address
        self.timeout = timeout

    def ask(self, command: str) -> str:
        """Send one command and return the answer without the white space around it."""
        with self._connect() as connection:
            try:
                connection.sendall(command.encode() + b"\n")
                parts = []
                while data := connection.recv(65536):
                    parts.append(data)
            except OSError as error:
                raise Unreachable(
                    f"HAProxy at {self.address} gave no answer to {command!r}: {error or type(error).__name__}; "
                    "whether it took effect is not known"
                ) from error
        answer = b"".join(parts)
        if not answer:
            # Even success is an empty line; no byte at all is a process that went away with the command.
            raise Unreachable(
                f"HAProxy at {self.address} closed the connection without an answer to {command!r}"
            )
        text = answer.decode(errors="replace").strip()
        if text.startswith(_DENIED):
            raise Refused(
                f"HAProxy at {self.address} refuses {command!r}: the socket needs `level admin`", reason=text
            )
        return text

    def backend(self, name: str) -> Backend:
        """Read a backend and its servers; raises Refused where there is none of that name."""
        states = _states(self.ask(f"show servers state {name}"))
        answer = self.ask(f"show stat {name} 6 -1")  # 2 + 4: the backend's own line and its servers'
        if not answer.startswith("#"):
            raise Refused(
                f"HAProxy at {self.address} has no backend {name!r}: it says {answer!r}", reason=answer
            )
        algorithm, cookie, servers = "", "", {}
        for row in csv.DictReader(answer.lstrip("# ").splitlines()):
            if row["svname"] == "BACKEND":
                algorithm, cookie = row.get("algo") or "", row.get("cookie") or ""
            elif row["svname"] in states:
                servers[row["svname"]] = _server(row, states[row["svname"]])
        return Backend(name, algorithm, cookie, servers)

    def process(self) -> Process:
        """Read which process answers."""
        info = dict(line.split(": ", 1) for line in self.ask("show info").splitlines() if ": " in line)
        if "Pid" not in info:
            raise Refused(f"what answers at {self.address} is not HAProxy's runtime API")
        return Process(info.get("Version", ""), info["Pid"], info.get("Start_time_sec", ""))

    def states(self) -> str:
        """Read what `load-server-state-from-file` loads, for every backend; ends with a newline."""
        text = self.ask("show servers state")
        if not text.startswith("1\n#"):
            raise Refused(
                f"HAProxy at {self.address} shows servers' states in a format that is not known: {text[:80]!r}"
            )
        return text + "\n"

    def set_weight(self, backend: str, server: str, weight: str) -> None:
        """Set a weight, "0" to "256" or "0%" and "100%" of the configured one; the answer must be empty."""
        answer = self.ask(f"set server {backend}/{server} weight {weight}")
        if _STATIC in answer:
            raise StaticAlgorithm(f"backend {backend}: {answer}", reason=answer)
        self._accept(answer, f"weight {weight} for {backend}/{server}")

    def set_ready(self, backend: str, server: str) -> None:
        """Take a server out of drain or maintenance."""
        self._accept(
            self.ask(f"set server {backend}/{server} state ready"), f"state ready for {backend}/{server}"
        )

    def weight(self, backend: str, server: str) -> int:
        """Read one server's weight."""
        answer = self.ask(f"get weight {backend}/{server}")
        number = answer.partition(" ")[0]
        if not number.isdigit():
            raise Refused(
                f"HAProxy at {self.address} does not tell the weight of {backend}/{server}: {answer!r}",
                reason=answer,
            )
        return int(number)

    def _accept(self, answer: str, wish: str) -> None:
        if answer:
            raise Refused(f"HAProxy at {self.address} refuses {wish}: {answer}", reason=answer)

    def _connect(self) -> socket.socket:
        host, _, port = self.address.rpartition(":")
        tcp = bool(host) and port.isdigit() and "/" not in self.address
        connection = socket.socket(socket.AF_UNIX) if not tcp else None
        try:
            if connection is None:
                return socket.create_connection((host.strip("[]"), int(port)), self.timeout)
            connection.settimeout(self.timeout)
            connection.connect(self.address)
            return connection
        except OSError as error:
            if connection is not None:
                connection.close()
            raise Refused(
                f"no runtime socket at {self.address}: {error.strerror or error}; is HAProxy running, with "
                "`stats socket` in its global section, and may this user write to it? Nothing was sent.",
                reason=type(error).__name__,
            ) from error


def _states(text: str) -> dict[str, dict[str, str]]:
    lines = text.splitlines()
    header = next((line.lstrip("# ").split() for line in lines if line.startswith("#")), [])
    rows = [dict(zip(header, line.split(), strict=False)) for line in lines if line and line[0] != "#"]
    return {row["srv_name"]: row for row in rows if "srv_name" in row}


def _server(row: Mapping[str, str], state: Mapping[str, str]) -> Server:
    admin = int(state["srv_admin_state"])
    return Server(
        name=row["svname"],
        weight=int(state["srv_uweight"]),
        initial=int(state["srv_iweight"]),
        status=row["status"],
        admin="maint" if admin & _MAINT else "drain" if admin & _DRAIN else "ready",
        up=state["srv_op_state"] != "0",
        backup=row.get("bck") == "1",
        cookie=row.get("cookie") or "",
        throttled=bool(row.get("throttle")) and row["throttle"] != "100",
        sessions=int(row["scur"] or 0),
        total=int(row["stot"] or 0),
        errors=sum(int(row.get(column) or 0) for column in ("econ", "eresp", "hrsp_5xx")),
    )

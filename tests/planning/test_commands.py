"""What a person would type is what the tool sends."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from migrate.cutovers import traffic
from migrate.cutovers.haproxy import HAProxyTraffic
from migrate.cutovers.runtime_api import Backend, Process, Server
from migrate.model.ids import RouteName
from migrate.model.migration import Migration
from migrate.planning import commands, haproxy_weights
from migrate.planning.commands import word
from migrate.planning.migration_file import parse
from tests.cutovers.clocks import StillClock

RAMP = (0, 1, 5, 25, 50, 100)
SHOP = RouteName("shop")


def _file(cutover: str) -> Migration:
    text = f"metadata: {{name: dc1}}\nblue: {{kubeconfig: b.yaml}}\ngreen: {{provisioner: {{kubeconfig: g.yaml}}}}\ncutover: {cutover}\n"
    return parse(text, "migration.yaml", exists=lambda _: True)


def _haproxy(blue: Sequence[str], green: Sequence[str], more: str = "") -> Migration:
    servers = f"blue: [{', '.join(blue)}], green: [{', '.join(green)}]"
    return _file(f"{{kind: haproxy, haproxy: {{socket: /run/h.sock, backend: shop, {servers}{more}}}}}")


class Recorded:
    """A runtime socket in memory that remembers what was set."""

    address = "recorded"

    def __init__(self, names: Sequence[str]) -> None:
        self.weights = dict.fromkeys(names, 1)
        self.sent: list[str] = []

    def backend(self, name: str) -> Backend:
        servers = {s: Server(s, w, 1, "UP", "ready", up=True) for s, w in self.weights.items()}
        return Backend(name, "roundrobin", "", servers)

    def process(self) -> Process:
        return Process("3", "1", "1")

    def set_weight(self, backend: str, server: str, weight: str) -> None:
        self.sent.append(f"set server {backend}/{server} weight {weight}")
        self.weights[server] = int(weight)

    def weight(self, backend: str, server: str) -> int:
        assert backend == "shop"
        return self.weights[server]


def _lines(typed: str) -> list[str]:
    return re.findall(r"^echo '([^']*)' \| socat stdio UNIX-CONNECT:/run/h.sock$", typed, re.MULTILINE)


@pytest.mark.parametrize(("blue", "green"), [(1, 1), (2, 2), (2, 3), (5, 2)])
def test_the_lines_are_those_that_the_tool_sends(blue: int, green: int) -> None:
    """Up the ramp and back again, server by server: the same weights in the same order."""
    names = [f"b{n}" for n in range(blue)], [f"g{n}" for n in range(green)]
    migration = _haproxy(*names)
    door = traffic(migration.cutover, StillClock(), {})
    assert isinstance(door, HAProxyTraffic)
    socket = Recorded([*names[0], *names[1]])
    door._socket = socket  # type: ignore[assignment]
    socket.weights |= commands.dealt(commands.target(migration, SHOP), 0)
    for now, wanted in itertools.pairwise([*RAMP, *RAMP[-2::-1], 100, 0]):
        socket.sent.clear()
        door.set(SHOP, wanted)
        assert _lines(commands.weigh(migration, SHOP, wanted, now=now)) == socket.sent


@pytest.mark.parametrize("percent", range(0, 101, 5))
def test_without_a_split_that_stands_every_server_is_set(percent: int) -> None:
    """Who does not know what stands sets all of them, each once, to weights that read as the split."""
    typed = commands.weigh(_haproxy(["b1"], ["g1", "g2"]), SHOP, percent)
    words = [line.split() for line in _lines(typed)]
    weights = {each[2].partition("/")[2]: int(each[4]) for each in words}
    assert len(words) == len(weights) == 3
    assert haproxy_weights.percent(weights, ["g1", "g2"]) == percent


def test_a_route_of_its_own_servers_is_set_there() -> None:
    """A route's backend and servers come before those of `haproxy`; a saved state is saved again."""
    routes = "routes: [{name: api, backend: api, blue: [x1], green: [y1]}]"
    text = f"{{kind: haproxy, {routes}, haproxy: {{socket: /run/h.sock, backend: shop, blue: [b1], green: [g1], stateFile: /s}}}}"
    typed = commands.weigh(_file(text), RouteName("api"), 100, now=0).splitlines()
    assert _lines("\n".join(typed)) == ["set server api/y1 weight 100", "set server api/x1 weight 0"]
    assert typed[-1] == "echo 'show servers state' | socat stdio UNIX-CONNECT:/run/h.sock > /s"


@pytest.mark.parametrize(
    ("socket", "address"),
    [
        ("/run/h.sock", "UNIX-CONNECT:/run/h.sock"),
        ("127.0.0.1:9999", "TCP:127.0.0.1:9999"),
        ("~/h.sock", '"UNIX-CONNECT:$HOME/h.sock"'),
        ("/run/a b.sock", "'UNIX-CONNECT:/run/a b.sock'"),
    ],
)
def test_the_socket_is_reached_as_the_tool_reaches_it(socket: str, address: str) -> None:
    """By path or by host and port, quoted so that a shell gives socat the same address."""
    target = commands.Target(socket, "shop", ("b1",), ("g1",))
    assert commands.ask(target, "show info") == f"echo 'show info' | socat stdio {address}"


def test_a_split_that_no_weights_express_is_said() -> None:
    """A sentence stands where the tool would refuse, and nothing is to be typed."""
    many = tuple(f"b{n}" for n in range(300))
    (line,) = commands.haproxy(commands.Target("/s", "shop", many, ("g1",)), 50, now=0)
    assert line.startswith("# the tool refuses this: ")


def test_the_operators_program_is_called_as_the_tool_calls_it(tmp_path: Path) -> None:
    """Route and percentage are filled in, other braces stay, and the environment says the same."""
    argv = ["sh", "-c", "echo {x} {route} {green} {}", "~/turn"]
    read = ["sh", "-c", 'echo "{\\"green\\": 25}"']
    migration = _file(json.dumps({"kind": "command", "command": {"read": read, "set": argv}}))
    typed = commands.weigh(migration, RouteName("a b"), 25)
    assert typed == (
        "CNIMIGRATE_OPERATION=set CNIMIGRATE_ROUTE='a b' CNIMIGRATE_GREEN=25 sh -c 'echo {x} a b 25 {}' ~/turn"
    )


def test_a_person_is_told_in_the_files_own_words() -> None:
    """The instruction with route and percentage; doubled braces are braces, as the file's check says."""
    text = '{kind: manual, manual: {instruction: "pool {{x}}: {percent} of {route}"}}'
    assert commands.weigh(_file(text), SHOP, 5) == "pool {x}: 5 of shop"


@pytest.mark.parametrize(
    ("text", "quoted"), [("~/a b", "~/'a b'"), ("~/x", "~/x"), ("a b", "'a b'"), ("x~", "'x~'")]
)
def test_a_home_directory_stays_one(text: str, quoted: str) -> None:
    """Quoting keeps what a shell expands at the beginning, and nothing else."""
    assert word(text) == quoted

"""A real replay of hundreds of objects, and the way back over it, SIGKILLed at random moments and gone on with."""

from __future__ import annotations

import base64
import random
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migrate.model.ids import Side
from migrate.model.objects import Object
from tests.cutovers.haproxy_fixture import Balancer
from tests.lab.control_plane import ControlPlane
from tests.scenario import real, real_looks
from tests.scenario.standing_blue import StandingBlue

pytestmark = pytest.mark.haproxy

CROWD = "crowd"
"""A namespace of blue with many objects; with the application some 400 move."""

ACTS = 390
"""About as many acts as there are objects that move."""

OTHERS = (
    "/api/v1/namespaces/visitors",
    "/api/v1/namespaces/visitors/configmaps/visitors",
    "/api/v1/namespaces/default/configmaps/visitors",  # `default` is replayed: blue has something in it
    "/apis/rbac.authorization.k8s.io/v1/clusterroles/visitors",
)
"""What others have on green."""


def _named(kind: str, name: str, version: str = "v1", **body: Any) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **body}


def _crowd() -> list[Object]:
    """ConfigMaps, Secrets, Services, and Deployments that want no pods."""
    labels = {"app": "idle"}
    pod = {"containers": [{"name": "main", "image": "registry.example/idle:1"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    idle = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    value = base64.b64encode(b"value").decode()
    return [
        *(_named("ConfigMap", f"c{n}", data={"n": str(n)}) for n in range(200)),
        *(_named("Secret", f"s{n}", data={"n": value}) for n in range(80)),
        *(_named("Service", f"s{n}", spec={"selector": labels, "ports": [{"port": 80}]}) for n in range(30)),
        *(_named("Deployment", f"d{n}", "apps/v1", spec=idle) for n in range(30)),
    ]


@pytest.fixture(scope="module")
def crowded(blue: StandingBlue) -> StandingBlue:
    """The module's blue with many more objects."""
    with real.door(blue.plane, Side.BLUE) as cluster:
        real.put(cluster, [_named("Namespace", CROWD)])
        real.put(cluster, _crowd(), CROWD)
        real.put(cluster, [_named("ConfigMap", "shared", data={"from": "blue"})], "default")
    return blue


def others_come(green: ControlPlane) -> None:
    """Let others have their objects on green before the move."""
    for path in OTHERS:
        collection, _, name = path.rpartition("/")
        green.api.create(collection, {"metadata": {"name": name}})


def identities(green: ControlPlane) -> list[tuple[str, str]]:
    """UID and resourceVersion of what others have: a write of any kind would change the latter."""
    green.api.close()
    found = [green.api.get(path)["metadata"] for path in OTHERS]
    return [(each["uid"], each["resourceVersion"]) for each in found]


def acts(move: real.Move) -> int:
    """How many intents the journal holds, read without the code under test."""
    try:
        with closing(sqlite3.connect(f"file:{move.journal}?mode=ro", uri=True, timeout=5)) as db:
            (found,) = db.execute("SELECT COUNT(*) FROM entry WHERE kind = 'intent'").fetchone()
            return int(found)
    except sqlite3.OperationalError:  # not there yet, or not yet with its tables
        return 0


@dataclass(frozen=True, order=True)
class Moment:
    """When to kill: so many intents into the whole way, and so many seconds later, amid a batch or between two."""

    acts: int
    later: float


def moments(count: int, seed: int) -> list[Moment]:
    """Moments spread over the acts of a way, in the order in which they come."""
    chance = random.Random(seed)
    return sorted(Moment(chance.randint(1, ACTS), chance.uniform(0, 0.4)) for _ in range(count))


def killed(move: real.Move, words: Sequence[str], moment: Moment, since: int) -> bool:
    """Start the program, and SIGKILL it at a moment, after one new intent at least; False where it ended before."""
    enough = max(since + moment.acts, acts(move) + 1)
    runner = move.start(*words)
    while acts(move) < enough and runner.process.poll() is None:
        time.sleep(0.005)
    time.sleep(moment.later)
    alive = runner.process.poll() is None
    runner.kill()
    if not alive:
        assert runner.process.returncode == 0, runner.said()[-4000:]
    return alive


def carried_through(move: real.Move, words: Sequence[str], at: Sequence[Moment]) -> int:
    """Run the program, killed at each of the moments, then to its end; how many kills it was there for."""
    since = acts(move)
    kills = 0
    for moment in at:
        if not killed(move, words, moment, since):
            return kills
        kills += 1
    move.must(*words)
    return kills


def there_and_back(move: real.Move, *, kills: int, seed: int) -> None:
    """Replay under kills, go back under kills; each time everything once, and what is others' untouched."""
    move.go("--until", "build")
    others_come(move.green)
    before = identities(move.green)
    wanted = real_looks.application(move.blue, CROWD)

    forward = ("run", "--yes", "--until", "replay")
    came = carried_through(move, forward, moments(kills, seed))
    assert came, "no kill met the replay"
    assert real_looks.in_doubt(move) == []
    assert real_looks.sent_twice(move.green) == {}
    assert real_looks.different(real_looks.application(move.green, CROWD), wanted) == []
    shop = set(real_looks.application(move.blue)) - {"cronjobs/report"}
    assert set(real_looks.application(move.green)) == shop
    assert identities(move.green) == before

    back = ("rollback", "--to", "build")
    came = carried_through(move, back, moments((kills + 1) // 2, seed + 1))
    assert came, "no kill met the way back"
    assert real_looks.in_doubt(move) == []
    assert real_looks.sent_twice(move.green) == {}
    assert real_looks.application(move.green, CROWD) == {}
    assert real_looks.application(move.green) == {}
    assert [mark for mark in real_looks.marks(move.green) if "shared" in mark or CROWD in mark] == []
    assert identities(move.green) == before


def test_a_replay_killed_at_random_and_a_way_back_killed_too(
    crowded: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path
) -> None:
    """A few kills each way: nothing is sent twice, all stands and then nothing does, what is others' is as it was."""
    there_and_back(crowded.move(tmp_path, green, balancer), kills=3, seed=random.getrandbits(32))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("turn", range(4))
def test_a_replay_killed_many_times(
    crowded: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path, turn: int
) -> None:
    """The same with eight kills in the replay and four on the way back."""
    there_and_back(
        crowded.move(tmp_path, green, balancer), kills=8, seed=1000 * turn + random.getrandbits(16)
    )

"""What green serves after the replay, sanitised again, is what was sent: for every kind, in every form, marks apart."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from migrate.doors.cluster import FIELD_MANAGER, Cluster, Verb, Write
from migrate.doors.reading import read_inventory
from migrate.errors import DoorError
from migrate.kube.connect import connect
from migrate.kube.targets import member
from migrate.model.canonical import canonical
from migrate.model.decision import Decision, Form
from migrate.model.facts import OwnRanges
from migrate.model.ids import RunId, Side
from migrate.model.inventory import Inventory
from migrate.model.marks import unmarked
from migrate.model.objects import Object, Ref, Resource, dig, ref_of
from migrate.replay import Decisions, Difference, decide_all, kinds, mark, sanitise
from migrate.replay.causes import cause
from migrate.replay.edits import merged, replaced
from migrate.replay.parity import differences, parted
from migrate.replay.sanitising import Setting
from migrate.replay.sanitising.everywhere import FIELDS
from migrate.simulation.seed import empty
from migrate.simulation.server import SimulatedCluster
from migrate.simulation.world import World
from tests.lab.assets import Assets
from tests.lab.control_plane import ControlPlane, start_all
from tests.lab.pairs import SPECS
from tests.replay.builders import inventory, migration, obj
from tests.replay.generated import ADMISSION, GENERATED, NAMESPACE, drawn, surroundings

RUN = RunId("7f3a")
KEY = b"key of a test run"
HAND = "kubectl-edit"
"""The field manager of somebody else."""

UNSERVED = frozenset({(ADMISSION, "MutatingAdmissionPolicy"), (ADMISSION, "MutatingAdmissionPolicyBinding")})
"""Not served by default before Kubernetes 1.36; neither server of these tests has them."""

ASKED = (
    "ConfigMap",
    "Job",
    "Pod",
    "PersistentVolume",
    "Endpoints",
    "EndpointSlice",
    "Secret",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "APIService",
)
"""Kinds of which a person decides, that stay where what stands behind them does not move, or that look like a leader's record."""

OPERATOR = migration(
    {
        "volumes": [{"namespace": NAMESPACE, "as": "empty", "reason": "generated"}],
        "rules": [
            {"kind": kind, "namespace": place, "replay": True, "reason": "generated"}
            for kind in ASKED
            for place in (NAMESPACE, "")
        ],
    },
    green={"network": {"podCIDR": SPECS[1].pod_cidr, "serviceCIDR": SPECS[1].service_cidr}},
)
SETTING = Setting(frozenset({"IPv4"}))
"""Those of that Service range."""


@dataclass(frozen=True)
class Sides:
    """Both doors, how somebody else writes to green, and how to let servers that are simulated come to rest."""

    blue: Cluster
    green: Cluster
    hand: Callable[[Write], object]
    settle: Callable[[], None] = lambda: None


def written(cluster: Cluster, verb: Verb, objects: Sequence[Object]) -> list[str]:
    """Write objects, and tell what was refused."""
    served = {(r.group, r.kind): r for r in reversed(cluster.resources())}
    writes = [_write(served, verb, obj) for obj in objects]
    return [
        f"{obj['kind']} {obj['metadata']['name'][:40]}: {answer}\n    {obj}"
        for obj, answer in zip(objects, cluster.write_many(writes), strict=True)
        if isinstance(answer, DoorError)
    ]


def _write(served: dict[kinds.Kind, Resource], verb: Verb, obj: Object) -> Write:
    ref = ref_of(obj)
    return Write(verb, served[ref.group, ref.kind], ref.name, ref.namespace, obj)


def until_served(cluster: Cluster, settle: Callable[[], None]) -> None:
    """Wait until every kind with a definition of ours is served."""
    wanted = {kind for kind, made in GENERATED.items() if made.plural}
    deadline = time.monotonic() + 60
    while missing := wanted - {(r.group, r.kind) for r in cluster.resources()}:
        assert time.monotonic() < deadline, missing
        settle()
        time.sleep(0.1)


class RoundTrip:
    """Generated objects on blue, their decisions, and green as it stands after each stage of a move."""

    def __init__(self, sides: Sides, count: int) -> None:
        self.sides = sides
        around = surroundings()
        assert written(sides.blue, Verb.CREATE, around) == []
        sides.settle()
        until_served(sides.blue, sides.settle)
        made = [obj for kind in GENERATED if kind not in UNSERVED for obj in drawn(kind, count)]
        refused = written(sides.blue, Verb.CREATE, made)
        assert not refused, told(refused)
        self.refs = {ref_of(obj) for obj in (*around, *made)}
        self.blue = read_inventory(sides.blue)
        decisions = decide_all(
            self.blue,
            OPERATOR,
            residue=frozenset(),
            ranges=OwnRanges(),
            green_resources=sides.green.resources(),
        )
        self.decisions = Decisions(tuple(d for d in decisions if d.ref in self.refs), ranks=decisions.ranks)

    def target(self, decision: Decision) -> Object:
        """What was decided to be sent, without our marks."""
        assert decision.target is not None
        return unmarked(decision.target)

    def replayed(self) -> list[str]:
        """Write wave by wave, then what is made late; what was refused."""
        refused: list[str] = []
        for wave in self.decisions.waves:
            for stage in self.decisions.stages(wave):
                refused += self._sent(stage)
            self.sides.settle()
            if wave == 2:
                until_served(self.sides.green, self.sides.settle)
        return refused + self._sent(self.decisions.deferred)

    def _sent(self, stage: Sequence[Decision]) -> list[str]:
        bodies = []
        for decision in stage:
            assert decision.target is not None
            uid = str(dig(self.blue.find(decision.ref), "metadata", "uid"))
            bodies.append(mark(decision.target, run=RUN, key=KEY, source_uid=uid))
        return written(self.sides.green, Verb.CREATE, bodies)

    def released(self) -> list[str]:
        """Release what is held; a balancer that takes a port for its health goes last, after those that name theirs."""
        held = sorted(
            self.decisions.held, key=lambda d: "Local" in canonical(d.hold.release if d.hold else {})
        )
        served = {(r.group, r.kind): r for r in reversed(self.sides.green.resources())}
        refused = []
        for decision in held:
            assert decision.hold is not None
            ref = decision.ref
            write = Write(
                Verb.PATCH, served[ref.group, ref.kind], ref.name, ref.namespace, decision.hold.release
            )
            (answer,) = self.sides.green.write_many([write])
            if isinstance(answer, DoorError):
                refused.append(f"{ref}: {answer}")
        return refused

    def departures(self, wanted: Callable[[Decision], Object], decisions: Sequence[Decision]) -> list[str]:
        """Where green, read anew and sanitised, is not what is wanted."""
        green = read_inventory(self.sides.green)
        return [line for d in decisions if (line := _departure(green, d.ref, wanted(d)))]

    def disparities(self) -> list[str]:
        """What the program's own comparison of both sides fails for, which sees marks, and forms that were released."""
        green = read_inventory(self.sides.green)
        return [
            str(part)
            for found in differences(self.decisions, green, key=KEY, run=RUN)
            for part in parted(self._with_causes(found, green))
            if not part.completed
        ]

    def _with_causes(self, found: Difference, green: Inventory) -> Difference:
        resource = green.resource(found.ref.kind, found.ref.group)
        assert resource is not None
        obj = self.sides.green.get(resource, found.ref.name, found.ref.namespace) or {}
        causes = (cause(path, obj, ours=FIELD_MANAGER, added=path in found.added) for path in found.paths)
        return replace(found, causes=tuple(causes))

    def narrowed(self) -> Ref:
        """Let somebody narrow a policy on green to pods that nobody has, which leaves all that was sent as it was."""
        ref = next(d.ref for d in self.decisions.written if d.ref[:2] == kinds.NETWORK_POLICY)
        served = {(r.group, r.kind): r for r in reversed(self.sides.green.resources())}
        body = {"spec": {"podSelector": {"matchLabels": {"nobody": "has-it"}}}}
        self.sides.hand(Write(Verb.PATCH, served[ref[:2]], ref.name, ref.namespace, body))
        return ref

    def released_form(self, decision: Decision) -> Object:
        """What a held object was sent as, with its release merged into it; what is forced on green stays forced."""
        release = decision.hold.release if decision.hold else {}
        return sanitise(merged(self.target(decision), release), SETTING)

    def awake(self, decision: Decision) -> Object:
        """What blue's object is, sanitised: what a released one must have come to."""
        source = self.blue.find(decision.ref)
        assert source is not None
        form = sanitise(source, SETTING)
        kind = decision.ref.group, decision.ref.kind
        if kind in kinds.SCALED and dig(form, "spec", "replicas") is None:
            form = replaced(form, ("spec", "replicas"), 1)  # what no server fills in returns to the default
        return form


def _departure(green: Inventory, ref: Ref, wanted: Object) -> str:
    found = green.find(ref)
    if found is None:
        return f"{ref} is not on green"
    served = sanitise(found, SETTING)
    if canonical(served) == canonical(wanted):
        return ""
    return f"{ref}: " + "; ".join(_paths(wanted, served))


def _paths(wanted: object, found: object, path: str = "") -> Iterator[str]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in sorted({*wanted, *found}):
            if key not in wanted:
                yield f"{path}.{key} was added: {found[key]!r:.200}"
            elif key not in found:
                yield f"{path}.{key} was lost: {wanted[key]!r:.200}"
            else:
                yield from _paths(wanted[key], found[key], f"{path}.{key}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for at, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _paths(one, other, f"{path}[{at}]")
    elif canonical(wanted) != canonical(found):
        yield f"{path}: {wanted!r:.200} became {found!r:.200}"


def told(lines: Sequence[str]) -> str:
    """The lines that a person reads first."""
    return f"{len(lines)}:\n" + "\n".join(line[:1500].replace("x" * 40, "") for line in lines[:30])


def must_hold(trip: RoundTrip) -> None:
    """Insist on the whole way: nothing left behind, nothing refused, sent and served equal, released as on blue."""
    left = [f"{d.ref}: {d.form} by {d.rule}: {d.evidence}" for d in trip.decisions if d.target is None]
    assert not left, told(left)
    assert {d.ref for d in trip.decisions} == trip.refs
    refused = trip.replayed()
    assert not refused, told(refused)
    departed = trip.departures(trip.target, tuple(trip.decisions))
    assert not departed, told(departed)
    assert trip.disparities() == []
    assert {d.form for d in trip.decisions} >= {Form.REPLAYED, Form.HELD, Form.DEFERRED}
    refused = trip.released()
    assert not refused, told(refused)
    released = trip.departures(trip.released_form, trip.decisions.held)
    assert not released, told(released)
    other = trip.departures(trip.awake, trip.decisions.held)
    assert not other, told(other)
    assert trip.disparities() == []
    ref = trip.narrowed()
    (said,) = trip.disparities()
    assert said.startswith(f"{ref}: differs at spec.podSelector.matchLabels")
    assert f"({HAND} at 2" in said


@pytest.fixture
def planes(lab_assets: Assets, tmp_path: Path) -> Iterator[Sides]:
    """Two real API servers without controllers: what they serve is what they were sent, with their own defaults."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for program in ("etcd", "kube-apiserver"):
        (folder / program).symlink_to(lab_assets.program(program))
    planes = [ControlPlane(spec, Assets(folder)) for spec in SPECS]
    with ExitStack() as stack:
        for plane in planes:
            stack.callback(plane.stop)
        start_all(planes)
        blue, green = (
            stack.enter_context(connect(plane.setup_kubeconfig, None, side))
            for plane, side in zip(planes, (Side.BLUE, Side.GREEN), strict=True)
        )

        def hand(write: Write) -> object:
            path = member(write.resource, write.name, write.namespace)
            return planes[1].api.patch(f"{path}?fieldManager={HAND}", write.body)

        yield Sides(blue, green, hand)


def test_what_is_sent_is_what_a_real_server_serves(planes: Sides) -> None:
    """Defaulted by blue, decided, marked, created on green, read and sanitised: equal; and so when it is released."""
    must_hold(RoundTrip(planes, 8))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_is_sent_is_what_a_real_server_serves_of_many(planes: Sides) -> None:
    """The same with many objects of a kind."""
    must_hold(RoundTrip(planes, 60))


def test_what_is_sent_is_what_the_simulated_server_serves(tmp_path: Path) -> None:
    """The same property of the server that rehearsals talk to."""
    with World.create(tmp_path / "world.db") as world:
        for side, spec in zip(Side, SPECS, strict=True):
            empty(world, side, pod_cidr=spec.pod_cidr, service_cidr=spec.service_cidr, nodes=1, name=side)
        hand = SimulatedCluster(world.store, Side.GREEN, manager=HAND).write
        sides = Sides(world.cluster(Side.BLUE), world.cluster(Side.GREEN), hand, world.settle)
        must_hold(RoundTrip(sides, 10))


@pytest.mark.parametrize("kind", sorted(UNSERVED))
def test_what_neither_server_serves_is_sanitised_once_for_all(kind: kinds.Kind) -> None:
    """Of a kind that cannot be sent, at least what was sanitised once is left alone the second time."""
    once = [sanitise(obj) for obj in drawn(kind, 20)]
    assert once
    assert [sanitise(obj) for obj in once] == once


def test_a_departure_is_told_with_its_path() -> None:
    """What a server loses, adds or changes is seen, also where Python calls it equal or empty."""
    sent = obj("Thing", "a", "shop", "example.net/v1", spec={"egress": [{}], "on": True, "off": {}})
    served = obj("Thing", "a", "shop", "example.net/v1", spec={"egress": [], "on": 1, "more": None})
    assert _departure(inventory(served), ref_of(sent), sent).partition(": ")[2].split("; ") == [
        ".spec.egress: [{}] became []",
        ".spec.more was added: None",
        ".spec.off was lost: {}",
        ".spec.on: True became 1",
    ]
    assert _departure(inventory(sent), ref_of(sent), sent) == ""
    assert _departure(inventory(), ref_of(sent), sent).endswith("is not on green")


def test_every_kind_has_a_strategy() -> None:
    """A kind that sanitising knows, or that a held form is for, cannot be left out of the round trip."""
    assert set(FIELDS) <= set(GENERATED)
    assert set(GENERATED) >= kinds.WORKLOADS

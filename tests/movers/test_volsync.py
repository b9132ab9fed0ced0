"""Copying by VolSync: whose word is believed, what is left behind, and what the key never shows up in."""

from __future__ import annotations

import shutil
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from migrate.actions.copying import judged
from migrate.doors.clock import Clock
from migrate.doors.cluster import Verb, Write
from migrate.doors.mover import Amount, Copied, Going, Mover, Pass
from migrate.errors import Refused, Transient, Unreachable
from migrate.model import marks
from migrate.model.action import OutcomeState
from migrate.model.ids import RunId, Side
from migrate.model.migration import VolSyncSpec
from migrate.model.objects import Object, Ref, Resource, dig
from migrate.movers import mover
from migrate.movers.counting import counted
from migrate.planning.counting import pod
from migrate.planning.replication import DESTINATION, copy_name
from tests.movers.reaching import Stage, on_simulated
from tests.movers.volsync import SECRET, TLS_KEY, Played, VolSync, definitions, mirror

CLAIM = Ref("", "PersistentVolumeClaim", "shop", "data")
WARM = Pass(RunId("run-1"), "warm", CLAIM, 1)
FINAL = replace(WARM, phase="final")
NAME = copy_name(CLAIM)
SPEC = VolSyncSpec(count_image="busybox:1.37")
LISTENERS = Resource("volsync.backube", "v1alpha1", "replicationdestinations", DESTINATION, namespaced=True)
PODS = Resource("", "v1", "pods", "Pod", namespaced=True)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Both sides with a claim, three files on blue's volume."""
    with on_simulated(tmp_path, CLAIM) as made:
        for side in Side:
            made.volsync.volume(side, CLAIM.name).mkdir(parents=True)
        blue = made.volsync.volume(Side.BLUE, CLAIM.name)
        (blue / "pg").mkdir()
        for name in ("pg/base", "pg/wal", "odd\nname"):
            (blue / name).write_text(name)
        yield made


def copy(stage: Stage, task: Pass = FINAL, deadline: float = 3600.0, going: Going = lambda _: True) -> Copied:
    """Run a pass."""
    return made(stage).copy(task, deadline, going)


def made(stage: Stage) -> Mover:
    """The mover, as another process would have it."""
    return mover(stage.ends)


def test_a_pass_counts_samples_and_leaves_nothing(stage: Stage) -> None:
    """What is in the sample is what a message can carry; a name with a newline is counted, and not sampled."""
    copied = copy(stage)
    assert copied.source == copied.target == Amount(len("pg/basepg/walodd\nname"), 3)
    assert copied.source_sample == copied.target_sample
    assert set(copied.source_sample) == {"pg/base", "pg/wal"}
    assert judged(FINAL, copied).state is OutcomeState.DONE
    assert stage.volsync.left() == []


def test_the_next_pass_is_another_synchronisation(stage: Stage) -> None:
    """No status of the first is taken for the second's, and what is gone from blue is gone from green."""
    copy(stage, WARM)
    (stage.volsync.volume(Side.BLUE, CLAIM.name) / "pg" / "wal").unlink()
    assert copy(stage).target.files == 2
    assert not (stage.volsync.volume(Side.GREEN, CLAIM.name) / "pg" / "wal").exists()


@pytest.mark.parametrize("damage", ["nothing", "other", "short"])
def test_a_synchronisation_that_brought_something_else_comes_short(stage: Stage, damage: str) -> None:
    """VolSync says Successful in each case: what is believed is what lies there."""

    def carries(blue: Path, green: Path) -> None:
        if damage == "nothing":
            return
        shutil.copytree(blue, green, dirs_exist_ok=True)
        (green / "pg" / "base").write_text({"other": "gp/base", "short": "pg"}[damage])

    stage.volsync.carries = carries
    outcome = judged(FINAL, copy(stage))
    assert outcome.state is OutcomeState.FAILED
    wanted = {"nothing": "is empty", "other": "other contents than blue's in 1", "short": "lacks 5 bytes"}
    assert wanted[damage] in outcome.evidence


def test_files_that_green_has_beyond_blue_do_not_shift_the_sample(stage: Stage) -> None:
    """Green's checksums are of the files that blue's are of."""

    def carries(blue: Path, green: Path) -> None:
        shutil.copytree(blue, green, dirs_exist_ok=True)
        for number in range(SPEC.sample):
            (green / f"a{number}").touch()

    stage.volsync.carries = carries
    copied = copy(stage)
    assert copied.source_sample == copied.target_sample


def test_a_failed_mover_is_a_failure_with_the_end_of_its_log(stage: Stage) -> None:
    """Its objects go, so that VolSync does not try for ever; what it prints is cut to its end."""
    stage.volsync.fails = "\n".join(["first", *map(str, range(10)), "rsync error: \x1b[31mno space"])
    with pytest.raises(Refused, match=r"mover on blue failed: (?s:.)*rsync error: \[31mno space") as caught:
        copy(stage)
    assert "first" not in str(caught.value)
    stage.ends.clock.sleep(5.0)
    assert stage.volsync.left() == []


class Killed(BaseException):
    """The process died."""


@dataclass
class Mortal:
    """A clock whose process dies at one of its sleeps."""

    clock: Clock
    turns: int

    def now(self) -> datetime:
        """The clock's."""
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        """Sleep, or die."""
        self.turns -= 1
        if not self.turns:
            raise Killed
        self.clock.sleep(seconds)


def test_a_pass_that_was_killed_is_done_once_more_and_leaves_nothing(stage: Stage) -> None:
    """Whatever stands of it, synchronised or not, is no pass that was done; the next one takes it away."""
    for turns in range(1, 20):
        task = replace(FINAL, attempt=turns)
        dying = mover(replace(stage.ends, clock=Mortal(stage.ends.clock, turns)))
        try:
            dying.copy(task, 3600.0, lambda _: True)
        except Killed:
            assert made(stage).observe(task) is None
            assert stage.volsync.left()
            if turns % 2:  # on the way back nobody copies
                made(stage).let_go(replace(task, attempt=0), 60.0, lambda _: True)
                assert stage.volsync.left() == []
            assert copy(stage, replace(task, attempt=turns + 100)).target.files == 3
            assert stage.volsync.left() == []
        else:
            assert turns > 4
            return
    pytest.fail("no pass was ever done to its end")


@pytest.mark.parametrize("changed", ["key", "address"])
def test_what_was_made_for_an_earlier_listener_is_made_anew(stage: Stage, changed: str) -> None:
    """Green's listener of the killed pass went, and the next has another key and address: with the old ones nobody connects."""
    blue, green = (stage.ends.clusters[side] for side in Side)
    stage.volsync.carries = lambda *_: pytest.fail("nothing was to be copied yet")
    clock = stage.ends.clock
    assert isinstance(clock, Played)
    with pytest.raises(Killed):
        mover(replace(stage.ends, clock=Unheard(clock))).copy(FINAL, 3600.0, lambda _: True)
    before = blue.get(SECRET, NAME, "shop")
    assert before is not None
    for resource, name in ((LISTENERS, NAME), (SECRET, f"volsync-rsync-tls-{NAME}")):
        green.write(Write(Verb.DELETE, resource, name, "shop"))
    stage.volsync.carries = mirror
    setattr(stage.volsync, changed, {"key": "volsync:0ther", "address": "192.0.2.8"}[changed])
    assert copy(stage, deadline=300.0).target.files == 3
    assert stage.volsync.left() == []


@dataclass
class Unheard:
    """A clock by which green's listener answers, and whose process dies before blue's mover has begun."""

    played: Played

    def now(self) -> datetime:
        """The clock's."""
        return self.played.now()

    def sleep(self, seconds: float) -> None:
        """Die once there is somebody who would send."""
        if any(left.startswith("blue ReplicationSource") for left in self.played.volsync.left()):
            raise Killed
        self.played.sleep(seconds)


@pytest.mark.parametrize("deaf", Side)
def test_a_side_that_does_not_answer_keeps_no_other_from_being_cleared(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, deaf: Side
) -> None:
    """What stands is named, as far as it is known; the way back goes on once the side is there again."""
    stage.volsync.fails = "no"
    heard = stage.ends.clusters[deaf].write

    def write(asked: Write) -> Object:
        if asked.verb is Verb.DELETE:
            raise Unreachable("no answer")
        return heard(asked)

    monkeypatch.setattr(stage.ends.clusters[deaf], "write", write)
    with pytest.raises(Refused, match=rf"mover on blue failed.* {NAME} on {deaf}: no answer"):
        copy(stage)
    stage.ends.clock.sleep(5.0)
    assert {where.split()[0] for where in stage.volsync.left()} == {deaf}
    with pytest.raises(Unreachable, match=rf"to be gone until its deadline: .*{NAME} on {deaf}: no answer"):
        made(stage).let_go(FINAL, 60.0, lambda _: True)
    monkeypatch.undo()
    made(stage).let_go(FINAL, 60.0, lambda _: True)
    assert stage.volsync.left() == []


@pytest.mark.parametrize(
    ("going", "kind"), [(False, Transient), (True, Unreachable)], ids=["stopped", "late"]
)
def test_a_pass_that_ends_early_takes_its_objects_away(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, *, going: bool, kind: type[Exception]
) -> None:
    """Somebody stops it, or VolSync never gives an address: what it waited for is named."""
    monkeypatch.setattr(VolSync, "play", lambda _: None)
    with pytest.raises(kind) as caught:
        copy(stage, going=lambda _: going)
    if kind is Unreachable:
        assert "green's address and key in the ReplicationDestination's status" in str(caught.value)
    stage.ends.clock.sleep(5.0)
    assert stage.volsync.left() == []


def test_another_owner_s_object_is_not_touched(stage: Stage) -> None:
    """One of the same name that this run did not make: the pass is refused, and it stands as it was."""
    foreign = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": NAME, "namespace": "shop"},
        "data": {"psk.txt": "dGhlaXJz"},
    }
    blue = stage.ends.clusters[Side.BLUE]
    blue.write(Write(Verb.CREATE, SECRET, NAME, "shop", body=foreign))
    with pytest.raises(Refused, match=f"Secret shop/{NAME} stands on blue, and this run did not make it"):
        copy(stage)
    assert dig(blue.get(SECRET, NAME, "shop"), "data") == {"psk.txt": "dGhlaXJz"}


def test_the_key_is_in_no_note_and_no_error(stage: Stage) -> None:
    """It goes from green's Secret to blue's, and nowhere else."""
    stage.volsync.fails = "no"
    with pytest.raises(Refused) as caught:
        copy(stage)
    stage.volsync.fails = ""
    stage.ends.clock.sleep(5.0)
    copy(stage, replace(FINAL, attempt=2))
    notes = "".join(path.read_text() for path in (stage.volsync.folder / "notes" / "volsync").iterdir())
    assert notes
    for spelling in (TLS_KEY, b64encode(TLS_KEY.encode()).decode()):
        assert spelling not in notes + repr(caught.value)


def test_a_cluster_without_volsync_is_refused(stage: Stage) -> None:
    """With what to install, before anything is made."""
    definitions(stage.ends.clusters[Side.GREEN], Verb.DELETE)
    with pytest.raises(
        Refused, match=r"green does not serve volsync\.backube/v1alpha1: install VolSync on both"
    ):
        copy(stage)
    assert not [p for page in stage.ends.clusters[Side.BLUE].pages(PODS) for p in page]


def test_a_block_device_is_refused(tmp_path: Path) -> None:
    """Nobody could count what is in it, and an uncounted copy is not believed."""
    with on_simulated(tmp_path, CLAIM, volumeMode="Block") as made_stage:
        with pytest.raises(Refused, match="is a block device on blue"):
            copy(made_stage)
        assert made_stage.volsync.left() == []


def test_what_is_made_carries_our_marks(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them, by which it is found again and taken away."""
    seen: dict[str, Object] = {}
    inner = VolSync.play

    def play(self: VolSync) -> None:
        for side in Side:
            for kind, group in (
                ("ReplicationSource", "volsync.backube"),
                ("ReplicationDestination", "volsync.backube"),
            ):
                for obj in self._all(side, kind, group):
                    seen[f"{side} {kind}"] = obj
            for kind in ("Secret", "Pod"):
                for obj in self._all(side, kind, ""):
                    if obj["metadata"]["name"] == NAME:
                        seen[f"{side} {kind}"] = obj
        inner(self)

    monkeypatch.setattr(VolSync, "play", play)
    copy(stage)
    ours = {"blue ReplicationSource", "green ReplicationDestination", "blue Secret", "blue Pod", "green Pod"}
    assert set(seen) == ours
    for obj in seen.values():
        assert obj["metadata"]["annotations"] == {marks.RUN: "run-1", marks.PASS: str(FINAL)}
    tls = seen["green ReplicationDestination"]["spec"]["rsyncTLS"]
    assert tls == {"copyMethod": "Direct", "destinationPVC": "data", "serviceType": "LoadBalancer"}


def ended(phase: str, message: str = "", **state: Any) -> Object:
    """A counting pod with a status."""
    told = state or {"terminated": {"exitCode": 1, "reason": "Error", "message": message}}
    return {"status": {"phase": phase, "containerStatuses": [{"name": "count", "state": told}]}}


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (
            ended("Failed", "find: Permission denied"),
            r"failed \(Error\), so nothing is known .* Permission denied",
        ),
        (ended("Succeeded", "3 files"), "'3 files' where two numbers are wanted"),
        (ended("Succeeded", ""), "where two numbers are wanted"),
        (
            ended("Pending", waiting={"reason": "ImagePullBackOff", "message": "no such image"}),
            "no such image",
        ),
        ({"status": {"phase": "Failed", "reason": "DeadlineExceeded"}}, r"failed \(DeadlineExceeded\)"),
    ],
)
def test_no_count_is_taken_from_less_than_two_numbers(seen: Object, said: str) -> None:
    """A pod that fails, says nothing or never starts tells nothing of the copy."""
    with pytest.raises(Refused, match=said):
        counted(seen, "green")


def test_a_message_that_was_cut_loses_no_more_than_its_last_line() -> None:
    """The figures come first; a half checksum is none."""
    whole = f"9 2\n{'a' * 64}  ./a b\n{'b' * 64}  ./"
    assert counted(ended("Succeeded", whole), "blue") == (Amount(9, 2), {"a b": "a" * 64})
    assert counted(ended("Running", running={}), "blue") is None


def test_a_counting_pod_is_where_the_volume_is() -> None:
    """One that a node holds for its writer can be mounted there alone; and it may do nothing but read."""
    beside = {"spec": {"nodeName": "n7", "tolerations": [{"operator": "Exists"}]}}
    made_pod = pod(CLAIM, SPEC, "final", paths=None, beside=beside, deadline=60.0)
    assert made_pod["spec"]["nodeName"] == "n7"
    assert made_pod["spec"]["tolerations"] == [{"operator": "Exists"}]
    (container,) = made_pod["spec"]["containers"]
    assert container["volumeMounts"][0]["readOnly"] is True
    as_user = pod(
        CLAIM, SPEC.model_copy(update={"run_as_user": 7}), "final", paths=[], beside=None, deadline=60.0
    )
    confined = as_user["spec"]["containers"][0]["securityContext"]
    assert confined["capabilities"] == {"drop": ["ALL"]}
    assert (confined["runAsUser"], confined["runAsNonRoot"]) == (7, True)


def test_names_are_the_same_each_time_and_fit() -> None:
    """For claims of every legal name, and different for different ones."""
    long = [CLAIM._replace(name=f"{'a.b-' * 60}{end}") for end in ("c", "d")]
    names = {copy_name(claim) for claim in (*long, CLAIM)}
    assert len(names) == 3
    assert all(len(name) <= 63 and name.replace("-", "").isalnum() for name in names)

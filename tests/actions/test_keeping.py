"""The snapshot of blue, making green, and the Lease in blue."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from migrate.actions.lease import DURATION, LEASES, NAMESPACE, BlueLease
from migrate.actions.provision import Provision, Unprovision, provision
from migrate.actions.snapshot import CONTENTS, Snapshot, read_key, snapshot
from migrate.doors.cluster import Cluster, Verb, Write
from migrate.doors.provisioner import Provision as Seen
from migrate.errors import (
    ClusterUnreachable,
    Fenced,
    Forbidden,
    LockHeld,
    Refused,
    Stopped,
    Unauthorized,
    Unreachable,
)
from migrate.model.action import OutcomeState, State
from migrate.model.ids import RunId, Side
from migrate.model.objects import annotations_of, dig
from migrate.simulation.faults import Fuse, behind
from migrate.simulation.served import resource
from tests.actions.conftest import RUN, Bench
from tests.contract.objects import promised
from tests.scenario.blue import CANARY_SPELLINGS

API_SERVICES = resource("apiservices", "apiregistration.k8s.io")

# --- snapshot ----------------------------------------------------------------------------------------------------


def taken(bench: Bench, state: Path, key: str | None = None) -> Path:
    """Take a snapshot."""
    handler = Snapshot(bench.doors.blue, state)
    action = snapshot(key)
    assert handler.observe(action).state is State.ABSENT
    (outcome,) = handler.act(handler.prepare([action]))
    assert outcome.state is OutcomeState.DONE, outcome.evidence
    assert handler.observe(action).state is State.DONE
    return state / "snapshot"


def test_a_snapshot_leaves_secrets_out(bench: Bench, tmp_path: Path) -> None:
    """Without a key no Secret is in any file; they are counted, and everything else is there."""
    place = taken(bench, tmp_path)
    assert not (place / "secrets.jsonl").exists()
    for path in place.iterdir():
        assert not any(word.encode() in path.read_bytes() for word in CANARY_SPELLINGS)
    contents = json.loads((place / CONTENTS).read_text())
    lines = (place / "deployments.apps.jsonl").read_text().splitlines()
    assert contents["deployments.apps"]["objects"] == len(lines) == 3
    assert contents["secrets"]["objects"] == 1


def test_a_snapshot_with_a_key_can_be_read_back(bench: Bench, tmp_path: Path) -> None:
    """With a key Secrets are there, encrypted: nobody reads them without it."""
    key = tmp_path / "key"
    key.write_bytes(Fernet.generate_key())
    place = taken(bench, tmp_path, str(key))
    raw = (place / "secrets.jsonl").read_bytes()
    assert not any(word.encode() in raw for word in CANARY_SPELLINGS)
    (secret,) = [json.loads(read_key(str(key)).decrypt(line)) for line in raw.splitlines()]
    assert secret["data"]["token"] == CANARY_SPELLINGS[1]


@dataclass
class Denying(Fuse):
    """Credentials without the right to list some kinds; of those in `later` the first page is still allowed."""

    denied: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    raises: Callable[[], BaseException] = lambda: Forbidden("no right to list it", status=403)

    def around(self, words: str, call: Callable[[], Any]) -> Any:
        """Refuse what is denied."""
        kind = words.removeprefix("read blue ")
        if kind in self.denied or (kind in self.later and kind in self.calls):
            raise self.raises()
        self.calls.append(kind)
        return call()


def test_a_snapshot_names_what_it_could_not_read(bench: Bench, tmp_path: Path) -> None:
    """A kind that may not be listed is in the table with the server's words, and in the outcome by its name."""
    denying = Denying(denied=("configmaps", "secrets"), later=("deployments.apps",))
    (outcome,) = Snapshot(behind(bench.doors, denying).blue, tmp_path).act([snapshot(None)])
    assert outcome.state is OutcomeState.DONE
    unread = ["configmaps", "deployments.apps", "secrets"]
    assert outcome.facts["unread"] == unread
    assert outcome.evidence.endswith(f"(3 kinds could not be read: {', '.join(unread)})")
    contents = json.loads((tmp_path / "snapshot" / CONTENTS).read_text())
    assert {k for k, entry in contents.items() if entry == {"unread": "no right to list it"}} == set(unread)
    assert not {f"{kind}.jsonl" for kind in unread} & {p.name for p in (tmp_path / "snapshot").iterdir()}
    assert sum(e["objects"] for e in contents.values() if "sha256" in e) == outcome.facts["objects"]


def test_a_snapshot_names_groups_that_nothing_answers_for(bench: Bench, tmp_path: Path) -> None:
    """Kinds of an aggregated API that is down are not known one by one; their group is named with the reason."""
    promise(bench.doors.blue, "widgets.example.com")
    promise(bench.doors.blue, "metrics.k8s.io")  # figures of the moment, which no snapshot has
    contents = json.loads((taken(bench, tmp_path) / CONTENTS).read_text())
    assert {name: entry for name, entry in contents.items() if "unread" in entry} == {
        "*.widgets.example.com": {"unread": "the server behind it does not answer"}
    }


def promise(cluster: Cluster, group: str) -> None:
    """Register an aggregated API without a server behind it."""
    body = promised(group)
    cluster.write(Write(Verb.CREATE, API_SERVICES, body["metadata"]["name"], body=body))


def test_a_snapshot_says_why_secrets_are_left_out(bench: Bench, tmp_path: Path) -> None:
    """The table has their number and the reason, and no hash of a file that is not there."""
    contents = json.loads((taken(bench, tmp_path) / CONTENTS).read_text())
    assert contents["secrets"] == {"objects": 1, "leftOut": "the migration file names no snapshot.secretsKey"}
    assert set(contents) - {"secrets"} == {p.stem for p in (tmp_path / "snapshot").glob("*.jsonl")}


def test_a_snapshot_with_credentials_that_expire_is_none(bench: Bench, tmp_path: Path) -> None:
    """What is refused for another reason than a missing right fails the snapshot: the next attempt may have it all."""
    expiring = Denying(denied=("services",), raises=lambda: Unauthorized("the token expired", status=401))
    (outcome,) = Snapshot(behind(bench.doors, expiring).blue, tmp_path).act([snapshot(None)])
    assert outcome.state is OutcomeState.FAILED
    assert "the token expired" in outcome.evidence
    assert not (tmp_path / "snapshot").exists()


def test_a_snapshot_is_private(bench: Bench, tmp_path: Path) -> None:
    """Its directory is 0700 and every file in it 0600."""
    place = taken(bench, tmp_path)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in place.iterdir()} == {0o600}


@pytest.mark.parametrize("content", [None, b"", b"too short"])
def test_a_key_that_is_none_stops(bench: Bench, tmp_path: Path, content: bytes | None) -> None:
    """A missing or unusable key stops with words that hold nothing of it, and leaves no snapshot."""
    key = tmp_path / "key"
    if content is not None:
        key.write_bytes(content)
    with pytest.raises(Stopped, match="holds no usable key") as caught:
        Snapshot(bench.doors.blue, tmp_path).act([snapshot(str(key))])
    assert "too short" not in str(caught.value)
    assert not (tmp_path / "snapshot").exists()


def test_a_snapshot_that_was_cut_off_is_not_there(bench: Bench, tmp_path: Path) -> None:
    """A lost cluster in the middle leaves no snapshot that looks whole; the next attempt makes one."""
    doors = behind(
        bench.doors, Fuse(20, only=lambda w: w.startswith("read blue"), raises=lambda: Unreachable("gone"))
    )
    handler = Snapshot(doors.blue, tmp_path)
    (outcome,) = handler.act([snapshot(None)])
    assert outcome.state is OutcomeState.FAILED
    assert handler.observe(snapshot(None)).state is State.ABSENT
    taken(bench, tmp_path)


# --- provision ---------------------------------------------------------------------------------------------------


def test_green_is_made_and_unmade(bench: Bench) -> None:
    """Unmaking takes green away, making brings it back, and each is seen."""
    action = provision("simulated", command="make", undo="unmake", deadline=60, makes=True)
    back = action.inverse
    assert back is not None
    unmaking, making = Unprovision(bench.doors.provisioner), Provision(bench.doors.provisioner)
    assert making.observe(action).state is State.DONE
    assert unmaking.observe(back).state is State.PARTIAL
    assert [o.state for o in unmaking.act(unmaking.prepare([back]))] == [OutcomeState.DONE]
    assert unmaking.observe(back).state is State.DONE
    assert [o.state for o in making.act([action])] == [OutcomeState.DONE]


def test_an_existing_green_is_never_unmade() -> None:
    """A provisioner that found green has no way back that destroys it."""
    assert provision("existing", command="", undo="", deadline=60, makes=False).inverse is None


@pytest.mark.parametrize(
    ("error", "state"),
    [(Refused("no quota"), OutcomeState.FAILED), (Unreachable("gone"), OutcomeState.UNKNOWN)],
)
def test_a_provisioner_that_fails(bench: Bench, error: Exception, state: OutcomeState) -> None:
    """A refusal fails, silence is in doubt."""
    doors = behind(bench.doors, Fuse(1, only=lambda w: w == "provisioner create", raises=lambda: error))
    action = provision("simulated", command="", undo="", deadline=60, makes=True)
    (outcome,) = Provision(doors.provisioner).act([action])
    assert outcome.state is state


def test_success_is_what_is_seen(bench: Bench) -> None:
    """A provisioner that returns without a cluster has failed."""

    class Empty(Fuse):
        def around(self, words: str, call: object) -> Seen | None:  # type: ignore[override]
            return Seen(State.PARTIAL) if words == "provisioner observe" else None

    doors = behind(bench.doors, Empty())
    (outcome,) = Provision(doors.provisioner).act(
        [provision("x", command="", undo="", deadline=1, makes=True)]
    )
    assert (outcome.state, outcome.evidence) == (OutcomeState.FAILED, "provision x: green is partial")


# --- lease -------------------------------------------------------------------------------------------------------


def lease(bench: Bench, run: str = RUN, here: str = "ana@ops1:1", dead: str = "") -> BlueLease:
    """A Lease of one runner; `dead` names the holder that is known to be gone."""
    return BlueLease(
        bench.doors.blue, bench.doors.clock, "small", RunId(run), here, lambda holder: holder == dead
    )


def standing(bench: Bench) -> dict[str, object] | None:
    """The Lease as it stands in blue."""
    found = bench.doors.blue.get(LEASES, "cnimigrate-small", NAMESPACE)
    return dict(found) if found is not None else None


def test_a_lease_says_who_and_what(bench: Bench) -> None:
    """The Lease in blue carries holder, epoch, run and the journal's head, and goes when it is released."""
    held = lease(bench)
    held.acquire(3, "head-1")
    found = standing(bench)
    assert dig(found, "spec", "holderIdentity") == "ana@ops1:1"
    told = dict(annotations_of(found or {}))
    assert told.pop("cnimigrate.io/token")
    assert told == {
        "cnimigrate.io/epoch": "3", "cnimigrate.io/run": RUN, "cnimigrate.io/journal-head": "head-1",
    }  # fmt: skip
    held.release()
    assert standing(bench) is None


def test_another_run_is_held_off(bench: Bench) -> None:
    """A living Lease of another run is refused with exit 40, telling who, since when and for how long."""
    lease(bench).acquire(1, "")
    with pytest.raises(LockHeld, match=r"held by ana@ops1:1 since .* good for another 120 s") as caught:
        lease(bench, "run-2", "bea@ops2:2").acquire(1, "")
    assert caught.value.exit_code == 40


def test_a_lease_that_ran_out_is_taken_over_and_fences(bench: Bench) -> None:
    """After its time another run takes the Lease, and the former holder is fenced at its next renewal."""
    first, second = lease(bench), lease(bench, "run-2", "bea@ops2:2")
    first.acquire(1, "")
    bench.doors.clock.sleep(DURATION + 1)
    second.acquire(1, "")
    assert dig(standing(bench), "spec", "holderIdentity") == "bea@ops2:2"
    with pytest.raises(Fenced, match="held by bea@ops2:2") as caught:
        first.renew(60, "")
    assert caught.value.exit_code == 41


def test_the_same_run_takes_its_own_over(bench: Bench) -> None:
    """A dead runner's Lease does not keep its own resumption waiting."""
    lease(bench).acquire(1, "")
    lease(bench, here="ana@ops1:2", dead="ana@ops1:1").acquire(2, "")
    assert dig(standing(bench), "spec", "holderIdentity") == "ana@ops1:2"


def test_a_copy_of_the_state_elsewhere_is_held_off(bench: Bench) -> None:
    """The same run id does not open a living Lease: a state directory that was copied is another runner."""
    lease(bench).acquire(1, "")
    with pytest.raises(LockHeld, match="held by ana@ops1:1"):
        lease(bench, here="ana@ops2:1").acquire(1, "")


def test_two_runs_of_one_epoch_do_not_take_turns(bench: Bench) -> None:
    """Both are in their first epoch; the one that slept past its time is fenced, and stays so."""
    first, second = lease(bench), lease(bench, "run-2", "bea@ops2:2")
    first.acquire(1, "")
    bench.doors.clock.sleep(DURATION + 1)
    second.acquire(1, "")
    for _ in range(2):
        with pytest.raises(Fenced):
            first.renew(600, "")
        second.renew(600, "")
    first.release()
    assert dig(standing(bench), "spec", "holderIdentity") == "bea@ops2:2"


def test_an_api_server_away_for_a_moment_ends_no_run(bench: Bench) -> None:
    """A Lease is renewed before it must be, so that one lost renewal is tried again later."""
    held = lease(bench)
    held.acquire(1, "")
    bench.doors.clock.sleep(30)
    bench.world.failures.cut_api(Side.BLUE)
    held.renew(60, "")
    with pytest.raises(Unreachable):
        held.renew(100, "")
    bench.world.failures.cut_api(Side.BLUE, cut=False)
    held.renew(100, "")


def test_a_lease_is_renewed_when_it_must(bench: Bench) -> None:
    """With time enough nothing is written; an act longer than what is left is covered with a margin."""
    held = lease(bench)
    held.acquire(1, "h1")
    before = bench.world.requests(Side.BLUE)
    held.renew(30, "h2")
    assert bench.world.requests(Side.BLUE) == before
    held.renew(600, "h3")
    assert dig(standing(bench), "spec", "leaseDurationSeconds") == 680
    assert annotations_of(standing(bench) or {})["cnimigrate.io/journal-head"] == "h3"
    bench.doors.clock.sleep(600)
    held.renew(0, "")
    assert annotations_of(standing(bench) or {})["cnimigrate.io/journal-head"] == "h3"


@pytest.mark.parametrize("ran_out", [False, True])
def test_a_lease_whose_reply_was_lost_is_held(bench: Bench, ran_out: bool) -> None:
    """Made or taken over with the reply lost, it is looked at, and known by its token."""
    if ran_out:
        lease(bench, "run-2", "bea@ops2:2").acquire(1, "")
        bench.doors.clock.sleep(DURATION + 1)
    bench.world.failures.refuse(Side.BLUE, resource="leases.*", error="lost", times=1)
    held = lease(bench)
    held.acquire(1, "")
    assert dig(standing(bench), "spec", "holderIdentity") == "ana@ops1:1"
    before = bench.world.requests(Side.BLUE)
    held.renew(30, "")
    assert bench.world.requests(Side.BLUE) == before  # how long it lasts is known
    held.release()
    assert standing(bench) is None


def test_a_lease_that_may_stand_is_spoken_of(bench: Bench) -> None:
    """Where nobody can look either, exit 30 says that the Lease may stand, and does not say that nothing changed."""

    class Parted(Fuse):
        def around(self, words: str, call: Callable[[], Any]) -> Any:
            parted = bool(self.calls)
            answer = None if parted else call()
            if parted or words.startswith("write"):
                self.calls.append(words)
                raise Unreachable("the connection was reset")
            return answer

    doors = behind(bench.doors, Parted())
    with pytest.raises(
        ClusterUnreachable, match="reset; the Lease kube-system/cnimigrate-small may stand"
    ) as caught:
        BlueLease(doors.blue, bench.doors.clock, "small", RUN, "ana@ops1:1").acquire(1, "")
    assert "Nothing was changed" not in caught.value.remedy
    assert standing(bench) is not None


def test_a_lost_renewal_is_no_takeover(bench: Bench) -> None:
    """A renewal whose reply was lost is recognised as one's own by its token."""
    held = lease(bench)
    held.acquire(1, "")
    found = bench.doors.blue.get(LEASES, "cnimigrate-small", NAMESPACE) or {}
    bench.doors.blue.write(
        Write(
            Verb.REPLACE,
            LEASES,
            "cnimigrate-small",
            NAMESPACE,
            {**found, "spec": {**found["spec"], "leaseTransitions": 9}},
        )
    )
    held.renew(600, "")
    held.release()
    assert standing(bench) is None


def test_a_lease_taken_away_fences(bench: Bench) -> None:
    """A Lease that was deleted behind its holder's back is not made anew: the holder is fenced."""
    held = lease(bench)
    held.acquire(1, "")
    assert BlueLease.force(bench.doors.blue, "small").startswith("ana@ops1:1 held it since 20")
    assert BlueLease.force(bench.doors.blue, "small") == ""
    with pytest.raises(Fenced, match="held by nobody"):
        held.renew(600, "")
    held.release()


def test_a_race_for_the_lease_has_one_winner(bench: Bench) -> None:
    """Whoever loses the compare-and-swap is told that another one has it."""
    first = lease(bench)

    class Racing(Fuse):
        def around(self, words: str, call: object) -> object:  # type: ignore[override]
            if words.startswith("write create") and not self.calls:
                self.calls.append(words)
                first.acquire(1, "")
            return call()  # type: ignore[operator]

    doors = behind(bench.doors, Racing())
    with pytest.raises(LockHeld, match="at this very moment"):
        BlueLease(doors.blue, doors.clock, "small", RunId("run-2"), "bea").acquire(1, "")


def test_only_ones_own_lease_is_released(bench: Bench) -> None:
    """A release leaves a Lease alone that another runner has taken."""
    first = lease(bench)
    first.acquire(1, "")
    lease(bench, here="ana@ops1:2", dead="ana@ops1:1").acquire(2, "")
    first.release()
    assert standing(bench) is not None

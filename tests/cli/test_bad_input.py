"""What a user gets wrong, and what clusters answer: one clear message, the right exit code, nothing done."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrate.model.ids import Side
from tests.cli.moving import Ended, Place, demo
from tests.cli.proxy import by, proxy
from tests.kube.faulty import Drop, FaultyServer, Hang, Received, Reply, in_turn, kubeconfig, status
from tests.lab.control_plane import ControlPlane

TOKEN = "t0ken-that-must-not-be-shown"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """The demonstration's file, nothing begun."""
    return demo(tmp_path / "it")


def refused(ended: Ended, code: int, *said: str) -> None:
    """A message with all of this, and no traceback."""
    assert ended.code == code, ended.all
    assert "Traceback" not in ended.all
    for words in said:
        assert words in ended.err, ended.err


def nothing_begun(place: Place) -> None:
    """No state was made."""
    assert not place.state.exists()


# --- the migration file ------------------------------------------------------------------------------------------


def test_every_mistake_of_a_file_is_shown_at_once(place: Place) -> None:
    """Duplicate, unknown and wrongly typed keys, each with file, line, key and what to write."""
    with place.file.open("a") as file:
        file.write("soak: 5m\nsoek: 1\nverify: 3\nkeep: {a: 1}\n")
    refused(
        place.run("run"),
        2,
        "soak: is written twice, first at line ",
        "soek: unknown; did you mean soak?",
        "demo.yaml:",
        "  verify: ",
        "  keep: ",
        "4 errors. Nothing was read from any cluster.",
    )
    nothing_begun(place)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"apiVersion: cnimigrate/v1\nkind: Migration\nmetadata: {name: de", "demo.yaml:3"),
        (b"", "is empty"),
        (b"\x7fELF\x00\x00", "is binary; name a migration file, which is YAML text"),
        (b"metadata: {name: caf\xe9}\n", "is not UTF-8 (byte 0xe9); save it as UTF-8"),
        (b"- a\n- b\n", "is a list, not a mapping of keys to values; begin with apiVersion: cnimigrate/v1"),
    ],
    ids=["half-written", "empty", "binary", "latin-1", "a list"],
)
def test_a_file_that_is_none(place: Place, content: bytes, said: str) -> None:
    """What it is instead, and where; exit 2."""
    place.file.write_bytes(content)
    refused(place.run("run"), 2, said, "1 error. Nothing was read from any cluster.")
    nothing_begun(place)


def test_a_file_that_is_not_there_or_not_a_file(place: Place) -> None:
    """Missing, a directory, or two at once: exit 2 with what to type."""
    refused(place.run("run", "nowhere.yaml"), 2, "there is no migration file nowhere.yaml", "cnimigrate init")
    (place.folder / "d.yaml").mkdir()
    refused(place.run("run", "d.yaml"), 2, "is a directory; name the file in it")
    refused(
        place.run("run", "demo.yaml", "-f", "demo.yaml"), 2, "two migration files were given", "Give one."
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read(place: Place) -> None:
    """Exit 2 with the way to make it readable."""
    place.file.chmod(0)
    refused(place.run("run"), 2, "may not be read by you; chmod u+r")


def test_what_was_typed_wrongly(place: Place) -> None:
    """Unknown commands, options, phases and batches: exit 2, and the nearest or the possible ones."""
    refused(place.run("rollbak"), 2, "Did you mean rollback?")
    refused(place.run("run", "--nope"), 2, "No such option")
    refused(place.run("run", "--until", "nix"), 2, "neither a phase nor a gate", "before-writers")
    refused(place.run("run", "--batch", "x"), 2, "there is one batch, all")
    nothing_begun(place)


# --- kubeconfigs and clusters that refuse ------------------------------------------------------------------------


def real(folder: Path, blue: Path, **green: Any) -> Place:
    """A migration of real clusters that would make its green with a program."""
    folder.mkdir(parents=True, exist_ok=True)
    make = folder / "make-green"
    make.write_text("#!/bin/sh\nexit 1\n")
    make.chmod(0o755)
    made = {
        "kind": "command", "create": ["./make-green"], "destroy": ["./make-green"], "kubeconfig": "green.yaml",
    }  # fmt: skip
    content = {
        "apiVersion": "cnimigrate/v1",
        "kind": "Migration",
        "metadata": {"name": "demo"},
        "blue": {"kubeconfig": str(blue)},
        "green": {"provisioner": green or made},
        "cutover": {"kind": "manual"},
    }
    (folder / "demo.yaml").write_text(yaml.safe_dump(content))
    return Place(folder)


BEGIN = ("run", "--yes", "--no-rehearsal", "a test", "--until", "prepare")


def test_kubeconfigs_that_lead_nowhere(tmp_path: Path) -> None:
    """Missing, no YAML, no such context: exit 2 with the file and the key; a token in it is never shown."""
    blue = tmp_path / "blue.yaml"
    place = real(tmp_path / "it", blue)
    refused(place.run("assess"), 2, "blue.kubeconfig: ", "there is no such file")
    blue.write_text(f"users:\n- [{TOKEN}\n")
    broken = place.run("assess")
    refused(broken, 2, f"The kubeconfig {blue} of blue is no YAML")
    assert TOKEN not in broken.all
    kubeconfig(blue, "https://127.0.0.1:1", {"token": TOKEN})
    place.edit((f"kubeconfig: {blue}", f"kubeconfig: {blue}, context: nope".replace(", ", "\n  ")))
    wrong = place.run("assess")
    refused(wrong, 2, "has no context 'nope'", "the file has them")
    assert TOKEN not in wrong.all


def test_credentials_that_ran_out(tmp_path: Path) -> None:
    """401: exit 30, nothing was begun, and the token is not shown."""
    with FaultyServer(in_turn(status(401, "Unauthorized", "Unauthorized"))) as server:
        place = real(tmp_path / "it", kubeconfig(tmp_path / "blue.yaml", server.url, {"token": TOKEN}))
        ended = place.run(*BEGIN)
    refused(ended, 30, "blue (them) refuses the credentials", "Renew the credentials in blue's kubeconfig")
    assert TOKEN not in ended.all
    assert not (place.state / "journal.db").exists()


@pytest.mark.slow
def test_a_cluster_that_does_not_answer(tmp_path: Path) -> None:
    """Nobody listens: exit 30 with the address, after half a minute of asking again."""
    place = real(tmp_path / "it", kubeconfig(tmp_path / "blue.yaml", "http://127.0.0.1:1"))
    refused(place.run(*BEGIN), 30, "http://127.0.0.1:1 cannot be reached", "Nothing was changed.")


def test_rights_that_are_missing(place: Place) -> None:
    """Some kinds are refused on green: exit 30 with the object and the server's words; granted, the run goes on."""
    assert place.run("run", "--until", "build").code == 0
    with place.world() as world:
        world.failures.refuse(
            Side.GREEN, verb="create", resource="configmaps", error="forbidden",
            message="configmaps is forbidden: User cannot create",
        )  # fmt: skip
    ended = place.run("run")
    refused(ended, 30, "replay: ", "ConfigMap", "configmaps is forbidden: User cannot create")
    assert not place.progress().in_doubt()
    with place.world() as world:
        world.failures.forgive()
    assert place.run("run").code == 20
    assert {n for k, n in place.effects().items() if k.startswith("create green")} == {1}


@pytest.mark.parametrize(
    "resource", ["deployments.apps", "replicasets.apps", "controllerrevisions.apps"], ids=str
)
def test_a_right_that_an_access_review_denies_stops_before_the_first_act(place: Place, resource: str) -> None:
    """Assess asks for the rights beforehand, those to take notes off what controllers made among them: exit 30."""
    place.run("assess")
    assert place.run("run", "--until", "assess").code == 0
    shutil.rmtree(place.state)
    place.run("abort")  # makes the simulated world, begins nothing
    with place.world() as world:
        world.failures.deny(Side.BLUE, "patch", resource)
    refused(place.run("run"), 30, "RIGHT-001", f"blue: patch {resource}")
    assert not [i for i in place.progress().intents() if i.stands]


# --- real control planes -----------------------------------------------------------------------------------------


def test_blue_and_green_are_one_cluster(weave_plane: ControlPlane, tmp_path: Path) -> None:
    """Two kubeconfigs, one cluster: exit 30 before anything is written, also by different addresses."""
    place = real(
        tmp_path / "it", weave_plane.kubeconfig, kind="existing", kubeconfig=str(weave_plane.setup_kubeconfig)
    )
    refused(place.run("run", "--yes", "--no-rehearsal", "a test"), 30, "IDENT-001")


def test_a_real_token_that_is_not_accepted(weave_plane: ControlPlane, tmp_path: Path) -> None:
    """The server's own 401: exit 30."""
    place = real(tmp_path / "it", weave_plane.kubeconfig_with_bad_token())
    refused(place.run("assess"), 30, "Unauthorized")


def meddling(trouble: str) -> Callable[[Received, Callable[[], Reply]], Reply | Drop | Hang]:
    """Troubles that come a few times each, then never again."""
    left = {"busy": 3, "broken": 3, "dropped": 2, "lost": 1}[trouble]
    blind = 4 if trouble == "lost" else 0  # answers; a read that fails is asked again a few times

    def meddle(received: Received, ask: Callable[[], Reply]) -> Reply | Drop | Hang:
        nonlocal left, blind
        if not left and blind and received.method == "GET" and "/leases/" in received.path:
            blind -= 1  # nobody can look whether it stands
            return status(500, "InternalError", "etcdserver: leader changed")
        create = received.method == "POST" and "/leases" in received.path
        read = received.method == "GET" and "/apis/apps" in received.path
        if left and (create if trouble == "lost" else read):
            left -= 1
            if trouble == "busy":
                return Reply(
                    429, {"kind": "Status", "code": 429, "message": "too many"}, {"Retry-After": "1"}
                )
            if trouble == "broken":
                return status(500, "InternalError", "etcdserver: leader changed")
            if trouble == "lost":
                ask()
            return Drop()
        return ask()

    return meddle


@pytest.mark.parametrize("trouble", ["busy", "broken", "dropped", "lost"])
def test_a_server_with_troubles(weave_plane: ControlPlane, tmp_path: Path, trouble: str) -> None:
    """429, 500 and dropped reads are asked again, and 429 is told; a Lease whose creation was not confirmed is known again."""
    with proxy(weave_plane.setup_kubeconfig, meddling(trouble)) as server:
        place = real(tmp_path / "it", by(tmp_path / "blue.yaml", server))
        ended = place.run(*BEGIN)
        if trouble == "lost":
            refused(ended, 30, "whether it took effect is not known", "run the same command")
            ended = place.run(*BEGIN)
    assert ended.code == 0, ended.all
    assert ("away, asking for waits of up to 1 s; " in ended.all) is (trouble == "busy")
    assert "Traceback" not in ended.all
    leases = weave_plane.api.get("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases")["items"]
    assert not [x for x in leases if x["metadata"]["name"].startswith("cnimigrate-")]


def test_another_cluster_behind_the_kubeconfig(weave_plane: ControlPlane, tmp_path: Path) -> None:
    """The journal knows blue by its kube-system UID: exit 50 with both, nothing is done."""

    def other(received: Received, ask: Callable[[], Reply]) -> Reply | Drop | Hang:
        reply = ask()
        if received.path == "/api/v1/namespaces/kube-system":
            reply.body["metadata"]["uid"] = "00000000-aaaa-bbbb-cccc-000000000000"
        return reply

    place = real(tmp_path / "it", tmp_path / "blue.yaml")
    shutil.copy(weave_plane.setup_kubeconfig, tmp_path / "blue.yaml")
    began = place.run(*BEGIN)
    assert began.code == 0, began.all
    with proxy(weave_plane.setup_kubeconfig, other) as server:
        by(tmp_path / "blue.yaml", server)
        refused(
            place.run("run", "--yes"),
            50,
            "blue is another cluster now (kube-system UID 00000000-aaaa-bbbb-cccc-000000000000",
        )

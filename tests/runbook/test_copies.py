"""Copying by VolSync as a person types it: the lines are run, with a kubectl that keeps what it is given."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from migrate.model import marks
from migrate.model.migration import VolSyncSpec
from migrate.model.objects import Object, Ref
from migrate.planning.counting import pod
from migrate.planning.replication import copy_name, destination, key, source
from migrate.runbook.copies import by_volsync

CLAIM = Ref("", "PersistentVolumeClaim", "shop", "data")
NAME = copy_name(CLAIM)
SPEC = VolSyncSpec(count_image="busybox:1.37", run_as_user=7)
PSK = "dm9sc3luYzo1ZWMyZTc="
COUNTED = f"9 3\n{'a' * 64}  ./pg/a b\n{'b' * 64}  ./it's"

KUBECTL = r"""#!/bin/sh
side=$1; shift
echo "$side $*" >> "$FOLDER/asked"
case "$*" in
  "create -f -") body=$(cat); kind=$(printf '%s' "$body" | jq -r .kind); printf '%s' "$body" > "$FOLDER/$side-$kind" ;;
  "get replicationdestination"*) cat "$FOLDER/listener" ;;
  "get secret made-by-volsync -n shop -o json") cat "$FOLDER/secret" ;;
  "get pods -n shop -o json") cat "$FOLDER/pods-$side" ;;
  "get pod/"*) cat "$FOLDER/message" ;;
  "get pods -n shop -l "* | wait* | delete*) ;;
  *) echo "not expected: $*" >&2; exit 1 ;;
esac
"""


def using(name: str, node: str, phase: str = "Running") -> Object:
    """A pod of blue's that has the claim."""
    volumes = [{"emptyDir": {}}, {"persistentVolumeClaim": {"claimName": "data"}}]
    spec = {"nodeName": node, "volumes": volumes, "tolerations": [{"operator": "Exists"}]}
    return {"metadata": {"name": name}, "spec": spec, "status": {"phase": phase}}


def typed(folder: Path, phase: str, at: dict[str, Any], pods: list[Object]) -> dict[str, Object]:
    """Type the lines, one after the other in one shell; what was created, by side and kind."""
    (folder / "kubectl").write_text(KUBECTL)
    (folder / "kubectl").chmod(0o755)
    (folder / "listener").write_text(json.dumps({"status": {"rsyncTLS": at}}))
    made = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": at["keySecret"], "namespace": "shop", "uid": "u"},
    }
    (folder / "secret").write_text(json.dumps({**made, "type": "Opaque", "data": {"psk.txt": PSK}}))
    others = [{"metadata": {"name": "a"}, "spec": {"nodeName": "n1"}, "status": {"phase": "Running"}}]
    (folder / "pods-blue").write_text(json.dumps({"items": [*others, *pods]}))
    (folder / "pods-green").write_text(json.dumps({"items": others}))
    (folder / "message").write_text(COUNTED)
    lines = by_volsync(CLAIM, SPEC, "by-hand-1", phase, 60.0, blue="kubectl blue", green="kubectl green")
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    env = {**os.environ, "PATH": path, "FOLDER": str(folder)}
    ran = subprocess.run(["sh", "-eu", "-c", lines], env=env, check=True, capture_output=True, text=True)
    assert not ran.stderr
    assert COUNTED in ran.stdout
    assert PSK not in lines + ran.stdout
    return {p.name: json.loads(p.read_text()) for side in ("blue", "green") for p in folder.glob(f"{side}-*")}


def of_the_pass(body: Object) -> Object:
    """What the tool makes, with the pass that it writes on it."""
    return {**body, "metadata": {**body["metadata"], "annotations": {marks.PASS: "by-hand-1"}}}


@pytest.mark.parametrize("port", [None, 30800])
@pytest.mark.parametrize("phase", ["warm", "final"])
def test_the_lines_make_what_a_pass_makes(tmp_path: Path, phase: str, port: int | None) -> None:
    """Blue's end goes where green's says that it listens, and green is counted by the files of blue's sample."""
    at = {"address": "192.0.2.7", "keySecret": "made-by-volsync", **({"port": port} if port else {})}
    found = typed(tmp_path, phase, at, [using("z", "n9"), using("b", "n2", "Failed"), using("c", "n7")])
    beside = using("c", "n7")
    blue = pod(CLAIM, SPEC, phase, paths=None, beside=beside, deadline=60.0)
    green = pod(CLAIM, SPEC, phase, paths=["pg/a b", "it's"], beside=None, deadline=60.0)
    wanted = {
        "green-ReplicationDestination": destination(CLAIM, "by-hand-1", SPEC),
        "blue-Secret": key(CLAIM, PSK),
        "blue-ReplicationSource": source(CLAIM, "by-hand-1", SPEC, address="192.0.2.7", port=port),
        "blue-Pod": blue,
        "green-Pod": green,
    }
    assert found == {what: of_the_pass(body) for what, body in wanted.items()}


def test_the_lines_keep_the_order_of_a_pass(tmp_path: Path) -> None:
    """Green listens before blue sends, both are done before anything is counted, and all of it is taken away."""
    typed(tmp_path, "final", {"address": "192.0.2.7", "keySecret": "made-by-volsync"}, [])
    asked = (tmp_path / "asked").read_text().splitlines()
    waits = [line for line in asked if " wait " in line]
    assert [line.partition("{.status.")[2].partition(" ")[0] for line in waits] == [
        "rsyncTLS.address}",
        "rsyncTLS.keySecret}",
        "lastManualSync}=by-hand-1",
        "lastManualSync}=by-hand-1",
        "phase}=Succeeded",
        "phase}=Succeeded",
    ]
    assert [line.split()[0] for line in asked if line.endswith("create -f -")] == [
        "green",
        "blue",
        "blue",
        "blue",
        "green",
    ]
    ends = [
        f"blue delete replicationsource.volsync.backube/{NAME} pod/{NAME} secret/{NAME} -n shop --ignore-not-found"
    ]
    ends += [f"blue get pods -n shop -l app.kubernetes.io/name=src-{NAME} -o name"]
    ends += [
        f"green delete replicationdestination.volsync.backube/{NAME} pod/{NAME} -n shop --ignore-not-found"
    ]
    ends += [f"green get pods -n shop -l app.kubernetes.io/name=dst-{NAME} -o name"]
    assert asked[-4:] == ends

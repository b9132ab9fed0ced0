"""What a counting pod runs, run for real: what is counted, sampled and forgiven."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest

from migrate.doors.cluster import Cluster, Verb, Write
from migrate.errors import Refused
from migrate.kube.connect import connect
from migrate.model.ids import Side
from migrate.model.migration import VolSyncSpec
from migrate.model.objects import Object, Ref, Resource
from migrate.planning.counting import pod
from tests.lab.control_plane import ControlPlane
from tests.movers.volsync import count

CLAIM = Ref("", "PersistentVolumeClaim", "shop", "data")
SPEC = VolSyncSpec(count_image="busybox:1.37")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota", namespaced=True)
PODS = Resource("", "v1", "pods", "Pod", namespaced=True)


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """Three files of five, six and three bytes, one of which no message could carry the name of."""
    made = tmp_path / "volume"
    (made / "pg").mkdir(parents=True)
    for name in ("pg/base", "pg/wal", "odd\nname"):
        (made / name).write_text(name.rpartition("/")[2][:6])
    (made / "lost+found").mkdir()
    (made / "lost+found" / "#1").write_text("kept back")
    return made


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder for programs that come before the machine's."""
    made = tmp_path / "tools"
    made.mkdir()
    return made


def wrapped(tools: Path, program: str, before: str) -> None:
    """A program before whose work something happens to the volume."""
    real = shutil.which(program)
    script = tools / program
    script.write_text(f'#!/bin/sh\n{before}\nexec {real} "$@"\n')
    script.chmod(0o755)


def counting(phase: str, *, sample: int = 8, paths: list[str] | None = None) -> Object:
    """A counting pod of a pass."""
    spec = VolSyncSpec(count_image="busybox:1.37", sample=sample)
    return pod(CLAIM, spec, phase, paths=paths, beside=None, deadline=60.0)


def said(asked: Object, volume: Path, own: Path, tools: Path | None = None) -> tuple[int, str]:
    """How what the pod runs ended, and what it said."""
    ran = count(asked, volume, own, tools)
    return ran.returncode, (own / "message").read_text()


@pytest.mark.parametrize(
    ("sample", "paths", "sampled"),
    [
        (8, None, ["pg/base", "pg/wal"]),
        (1, None, ["pg/base"]),
        (0, None, []),
        (8, ["pg/wal", "pg/gone"], ["pg/wal"]),
        (8, [], []),
    ],
    ids=["first", "one", "none", "these", "none-of-these"],
)
def test_what_is_counted_and_sampled(
    tmp_path: Path, volume: Path, sample: int, paths: list[str] | None, sampled: list[str]
) -> None:
    """The first by name, or those that are asked for; what cannot be sampled is counted all the same."""
    sums = "".join(f"{sha256((volume / p).read_bytes()).hexdigest()}  ./{p}\n" for p in sampled)
    assert said(counting("final", sample=sample, paths=paths), volume, tmp_path / "own") == (
        0,
        f"13 3\n{sums}",
    )


def test_the_sample_is_the_first_by_name_of_many(tmp_path: Path, volume: Path) -> None:
    """In whatever order they are found: byte by byte, capitals first."""
    for name in ("b", "C", "a" * 200, "a b", "A", "10", "9"):
        (volume / name).touch()
    _, text = said(counting("final", sample=5), volume, tmp_path / "own")
    assert [line[68:] for line in text.splitlines()[1:]] == ["10", "9", "A", "C", "a b"]


def test_an_empty_volume_has_nothing(tmp_path: Path) -> None:
    """That is a count, too."""
    (tmp_path / "volume").mkdir()
    assert said(counting("final"), tmp_path / "volume", tmp_path / "own") == (0, "0 0\n")


GONE = {
    "stat": ("rm -f pg/wal", "10 2", "pg/wal"),
    "sha256sum": ('case "$1" in *wal) rm "$1" ;; esac', "13 3", "pg/wal"),
    "find": ("echo \"find: './pg/old': No such file or directory\" >&2; find_fails", "13 3", "pg/old"),
}


@pytest.mark.parametrize("phase", ["warm", "final"])
@pytest.mark.parametrize("tool", GONE)
def test_a_file_that_goes_while_writers_write_fails_no_count(
    tmp_path: Path, volume: Path, tools: Path, tool: str, phase: str
) -> None:
    """In a warm pass it is left out; in a final one nobody should have taken it away, and it is named."""
    happens, figures, gone = GONE[tool]
    if tool == "find":  # a directory that went while find was in it
        happens = happens.replace("find_fails", f'{shutil.which("find")} "$@"; exit 1')
    wrapped(tools, tool, happens)
    code, text = said(counting(phase), volume, tmp_path / "own", tools)
    if phase == "warm":
        assert (code, text.splitlines()[0]) == (0, figures)
        assert text.splitlines()[1:]
    else:
        assert code == 1
        assert gone in text
        assert "No such file or directory" in text


@pytest.mark.parametrize("phase", ["warm", "final"])
@pytest.mark.parametrize(
    "trouble",
    [
        "find: ./pg: Permission denied",
        "stat: ./pg/wal: Input/output error",
        "find: stat: No such file or directory",
        "",
    ],
    ids=["forbidden", "broken", "no-such-tool", "silent"],
)
def test_what_cannot_be_read_fails_every_count(
    tmp_path: Path, volume: Path, tools: Path, trouble: str, phase: str
) -> None:
    """Beside a file that went, too: less than everything was counted, and the message says why."""
    told = f"echo \"find: './pg/old': No such file or directory\" >&2; echo '{trouble}' >&2"
    find = f'{shutil.which("find")} "$@"; exit 1'
    wrapped(tools, "find", f"{told if trouble else ''}\n{find}")
    code, text = said(counting(phase), volume, tmp_path / "own", tools)
    assert (code, trouble in text) == (1, True)


DEMANDED = {f"{p}.{w}": "8Gi" for p in ("requests", "limits") for w in ("cpu", "memory")}


@pytest.mark.lab
def test_a_quota_that_demands_resources_lets_it_in(
    blue_and_green: tuple[ControlPlane, ControlPlane],
) -> None:
    """The same pod without what it says of them is refused, each by its name."""
    space = f"few-{uuid4().hex[:8]}"
    asked = pod(CLAIM._replace(namespace=space), SPEC, "warm", paths=None, beside=None, deadline=60.0)
    (container,) = asked["spec"]["containers"]
    silent = {k: v for k, v in container.items() if k != "resources"}
    bare = {**asked, "metadata": {"name": "bare"}, "spec": {**asked["spec"], "containers": [silent]}}
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "all"},
        "spec": {"hard": DEMANDED},
    }
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}
    with connect(blue_and_green[0].kubeconfig, None, Side.BLUE) as blue:
        blue.write(Write(Verb.CREATE, NAMESPACES, space, body=namespace))
        blue.write(Write(Verb.CREATE, QUOTAS, "all", space, quota))
        try:
            blue_and_green[0].wait_until("quota that is known", lambda: _let_in(blue, space, asked))
            with pytest.raises(Refused) as refused:
                blue.write(Write(Verb.CREATE, PODS, "bare", space, bare))
        finally:
            blue.write(Write(Verb.DELETE, NAMESPACES, space))
    said = str(refused.value)
    assert [what for what in ("must specify", *DEMANDED) if what not in said] == [], said


def _let_in(blue: Cluster, space: str, asked: Object) -> bool:
    """Whether the server takes the pod; not before its controllers have made the account and looked at the quota."""
    try:
        blue.write(Write(Verb.CREATE, PODS, asked["metadata"]["name"], space, asked))
    except Refused as refused:
        if "must specify" in str(refused):
            raise
        return False
    return True

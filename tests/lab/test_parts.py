"""What the lab's parts do without any control plane: finding programs, refusing, counting."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import detached, outcomes
from tests.lab.assets import Assets, build_folder, locate, named
from tests.lab.build import build, check_go, kubernetes_version
from tests.lab.components import Spec
from tests.lab.errors import LabError, LabUnavailable
from tests.lab.nodes import mask_size, node_ranges
from tests.lab.ports import Ports


def programs(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).touch(mode=0o755)
    return folder


def test_named_programs_are_used_and_nothing_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KUBEBUILDER_ASSETS with both programs stands for the lab; what it lacks can be asked for."""
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(programs(tmp_path, "etcd", "kube-apiserver")))
    monkeypatch.setenv("PATH", "")
    assert build() == locate() == Assets(tmp_path)
    assert not locate().has("kwok")
    with pytest.raises(LabUnavailable, match="kwok is not among the programs"):
        locate().program("kwok")


def test_a_named_folder_without_both_programs_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with etcd alone is no lab."""
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(programs(tmp_path, "etcd")))
    assert named() is None


def test_without_go_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Go, and one with an old Go, are told what is needed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabUnavailable, match=r"Go 1\.26 or newer, and there is no go on PATH"):
        check_go()
    (tmp_path / "go").write_text("#!/bin/sh\necho go1.25.9\n", encoding="ascii")
    (tmp_path / "go").chmod(0o755)
    with pytest.raises(LabUnavailable, match=r"go on PATH is go1\.25\.9"):
        check_go()


def test_a_lab_that_is_not_built_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for the programs builds nothing; it names the command that does."""
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert build_folder().parent == tmp_path / "cnimigrate"
    with pytest.raises(LabUnavailable, match=r"python -m tests\.lab build"):
        locate()


def test_the_version_of_kubernetes_is_read_from_its_lock() -> None:
    """The version stamped into the programs is the one that go.mod requires."""
    assert len(kubernetes_version().split(".")) == 3


@pytest.mark.parametrize(
    ("cidr", "mask"), [("10.48.0.0/14", 24), ("10.0.0.0/23", 25), ("10.0.0.0/24", 26), ("10.0.0.0/29", 30)]
)
def test_a_node_gets_a_range_that_fits(cidr: str, mask: int) -> None:
    """A node's range is a /24, or smaller where the pod CIDR is small."""
    assert mask_size(Spec("any", pod_cidr=cidr)) == mask


def test_more_nodes_than_ranges_are_refused() -> None:
    """A pod CIDR or a node CIDR that is too small is an error before anything starts."""
    with pytest.raises(LabError, match=r"holds 4 ranges of /26, 5 nodes are asked"):
        node_ranges(Spec("any", pod_cidr="10.0.0.0/24", nodes=5))
    with pytest.raises(LabError, match=r"node CIDR 198\.18\.0\.0/29 is too small for 8 nodes"):
        node_ranges(Spec("any", pod_cidr="10.48.0.0/14", node_cidr="198.18.0.0/29", nodes=8))


def test_two_labs_never_take_the_same_port() -> None:
    """A port taken by one lab is not given to another until it is given back."""
    one, other = Ports(), Ports()
    try:
        taken = {ports.take() for ports in (one, other) for _ in range(20)}
        assert len(taken) == 40
    finally:
        one.close()
        other.close()


def test_taking_down_what_is_not_up_is_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leftovers of a holder that is gone are removed, and no process is touched."""
    monkeypatch.setattr(detached, "STATE", tmp_path / "state")
    monkeypatch.setattr(detached, "HOLDER", tmp_path / "state" / "holder")
    assert detached.down() is False
    detached.STATE.mkdir()
    detached.HOLDER.write_text("1", encoding="ascii")  # pid 1 lives, and is not ours
    assert detached.status() is None
    assert detached.down() is False
    assert not detached.STATE.exists()


def test_outcomes_count_what_ran_on_real_control_planes(tmp_path: Path) -> None:
    """A skipped test of the lab is none that ran; an error in a fixture is a failure."""
    lab = '<properties><property name="lab" value="1"/></properties>'
    junit = tmp_path / "junit.xml"
    junit.write_text(
        "<testsuites><testsuite>"
        f"<testcase>{lab}</testcase><testcase>{lab}<skipped/></testcase>"
        f"<testcase>{lab}<error/></testcase><testcase><failure/></testcase><testcase/>"
        "</testsuite></testsuites>",
        encoding="utf-8",
    )
    assert outcomes.read(junit) == outcomes.Outcomes(passed=2, failed=2, skipped=1, lab_ran=2)

"""What `cnimigrate init` drafts, where it refuses, and that its recommendation holds."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrate.errors import MigrationFileError, Stopped
from migrate.model.facts import ClusterFacts, Cni, CniName
from migrate.planning import migration_file
from migrate.planning.draft import MANIFEST, Draft, Recommendation, name_for, recommend, scalar
from tests.cli.conftest import CANARY, CANARY_ENCODED, PLANS, Cli, canary_secret, recorded
from tests.cli.test_assess import persisted
from tests.lab.control_plane import ControlPlane


def facts(
    *,
    nodes: int = 3,
    pods: tuple[str, ...] = ("10.32.0.0/12",),
    services: tuple[str, ...] = ("10.96.0.0/12",),
    addresses: tuple[str, ...] = (),
    **details: Any,
) -> ClusterFacts:
    """Facts of a blue with these ranges."""
    cni = Cni(CniName.WEAVE, "2.8.1", evidence=("DaemonSet kube-system/weave-net",))
    return ClusterFacts(
        "admin@dc1", "uid", "v1.34.4", nodes, 9, (cni,), pods, services, addresses, {}, details
    )


def held(found: Recommendation) -> int:
    """Blocks that the recommended range has."""
    return int(2 ** (found.block_size - ip_network(found.pod_cidr).prefixlen))


@pytest.mark.parametrize("plan", ["weave-to-calico", "flannel-to-calico", "canal-to-calico"])
def test_a_drafted_file_is_a_file_to_go_on_with(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: str
) -> None:
    """From a recorded blue the draft needs no hand: it parses, names the CNI, and assess finds no blocker in it."""
    monkeypatch.chdir(tmp_path)
    Path("blue.yaml").write_text(recorded(plan))
    said = cli("init", "--simulated", "blue.yaml")
    assert said.code == 0, said.err
    assert said.out.splitlines()[-1].startswith("wrote migration.yaml. Nothing was changed on blue. Next: ")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["blue.yaml", "migration.yaml"]
    drafted = migration_file.read(Path("migration.yaml"))
    assert drafted.blue.cni == plan.partition("-")[0]
    assert drafted.blue.simulated == "blue.yaml"
    assert cli("assess", "-f", "migration.yaml").code == 0


def test_the_embedded_cluster_needs_no_file(cli: Cli, tmp_path: Path) -> None:
    """`--simulated ""` drafts from the demonstration, and lists what a person must decide."""
    out = tmp_path / "try.yaml"
    said = cli("init", "--simulated", "", "--out", out, "-o", "json")
    undecided = {(d["kind"], d["name"]) for d in said.document["undecided"]}
    assert ("Job", "reindex-catalog") in undecided
    text = out.read_text()
    assert "#   Job shop/reindex-catalog: " in text
    assert yaml.safe_load(text)["blue"] == {"simulated": "", "cni": "weave"}


def test_a_file_that_is_there_is_left_alone(cli: Cli, tmp_path: Path) -> None:
    """Exit 2 before any cluster is read; --force writes over it, and no part of a file stays behind."""
    out = tmp_path / "migration.yaml"
    out.write_text("mine")
    argv = ("init", "--simulated", PLANS / "weave-to-calico.blue.yaml", "--out", out)
    said = cli(*argv)
    assert said.code == 2
    assert "--force" in said.err
    assert out.read_text() == "mine"
    unread = cli("init", "--kubeconfig", tmp_path / "none.yaml", "--out", out)
    assert "is there already" in unread.err
    assert cli(*argv, "--force").code == 0
    assert out.read_text().startswith("# Drafted by cnimigrate init")
    assert list(tmp_path.iterdir()) == [out]


def test_a_dangling_link_is_not_followed(cli: Cli, tmp_path: Path) -> None:
    """A link that leads nowhere is a file that is there."""
    out = tmp_path / "migration.yaml"
    out.symlink_to(tmp_path / "elsewhere")
    assert cli("init", "--simulated", "", "--out", out).code == 2
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        ((), "--kubeconfig FILE or --simulated FILE"),
        (("--kubeconfig", "a", "--simulated", "b"), "one blue"),
        (("--simulated", "", "--context", "c"), "--context"),
        (("--simulated", "nowhere.yaml"), "nowhere.yaml"),
        (("--kubeconfig", "nowhere.yaml"), "does not exist"),
        (("--simulated", "", "--out", "no/such/file.yaml"), "there is no directory"),
    ],
)
def test_wrong_arguments_are_refused(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...], word: str
) -> None:
    """Each is exit 2 with its reason, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    said = cli("init", *argv)
    assert (said.code, said.out) == (2, "")
    assert word in said.err
    assert list(tmp_path.iterdir()) == []


def test_no_secrets_value_is_drafted(cli: Cli, tmp_path: Path) -> None:
    """The canary of blue's Secret stands neither in the file nor in the facts."""
    blue, out = tmp_path / "blue.yaml", tmp_path / "out.yaml"
    blue.write_text(recorded("weave-to-calico", canary_secret()))
    said = cli("init", "--simulated", blue, "--out", out, "-o", "json")
    assert said.code == 0
    for text in (said.all, out.read_text()):
        assert CANARY not in text
        assert CANARY_ENCODED not in text


def test_a_real_blue_is_drafted_from(cli: Cli, weave_plane: ControlPlane, tmp_path: Path) -> None:
    """Read-only: no write is sent. Only the file of green that a person must give is missing for the parser."""
    out = tmp_path / "migration.yaml"
    said = cli("init", "--kubeconfig", weave_plane.kubeconfig, "--out", out)
    assert said.code == 0, said.err
    assert "places marked CHANGE" in said.out
    assert persisted(weave_plane) == []
    assert CANARY not in out.read_text()
    with pytest.raises(MigrationFileError) as wrong:
        migration_file.read(out)
    assert len(wrong.value.problems) == 1
    assert (
        "green.provisioner.kubeconfig: ./green.kubeconfig: there is no such file" in wrong.value.problems[0]
    )
    (tmp_path / "green.kubeconfig").touch()
    drafted = migration_file.read(out)
    assert drafted.name == "blue"
    assert drafted.blue.context == "lab-admin@blue"
    assert drafted.blue.kubeconfig is not None
    assert Path(drafted.blue.kubeconfig).expanduser() == weave_plane.kubeconfig


def test_the_recommended_ranges_meet_nothing_of_blue() -> None:
    """Ranges, nodes, load balancers and a container engine's bridge are all kept clear of."""
    blue = facts(
        pods=("10.48.0.0/14", "fd00::/64"),
        services=("10.112.0.0/16", "10.0.0.0/13"),
        addresses=("10.52.3.9", "fd00::9"),
        nodeRange="10.53.0.0/16",
    )
    found = recommend(blue, ["10.54.9.9", "lb.example"])
    mine = ip_network(found.pod_cidr), ip_network(found.service_cidr)
    assert not mine[0].overlaps(mine[1])
    taken = ("10.48.0.0/14", "10.112.0.0/16", "10.0.0.0/13", "10.52.3.0/24", "10.53.0.0/16", "10.54.9.0/24")
    assert set(found.taken) == set(taken)
    assert not any(m.overlaps(ip_network(t)) for m in mine for t in taken)


def test_a_range_around_far_nodes_does_not_take_everything() -> None:
    """Nodes at both ends of 10/8 leave the rest of it free: only their own /24s are taken."""
    blue = facts(addresses=("10.0.0.5", "10.255.0.5"), nodeRange="10.0.0.0/8")
    assert recommend(blue).pod_cidr == "10.48.0.0/16"


@pytest.mark.parametrize("nodes", [0, 1, 3, 42, 200, 1500])
@pytest.mark.parametrize("allowed", [0, 30, 110, 250, 500])
def test_blocks_are_enough_for_twice_the_nodes(nodes: int, allowed: int) -> None:
    """Every node finds all pods that it may take, and its tunnel, in one block; twice as many nodes would too."""
    found = recommend(facts(nodes=nodes, podsPerNode={"allowed": allowed}))
    assert 2 ** (32 - found.block_size) >= found.pods_per_node + 1
    assert found.blocks == held(found) >= 2 * max(1, nodes)
    # kube-controller-manager gives each node a /24 of the same range by default
    assert 2 ** (24 - ip_network(found.pod_cidr).prefixlen) >= 2 * max(1, nodes)


def test_nodes_that_take_absurdly_many_pods_get_the_widest_block() -> None:
    """The block size is Calico's widest, /20, and a node takes several."""
    found = recommend(facts(nodes=10, podsPerNode={"allowed": 10_000}))
    assert found.block_size == 20
    assert held(found) >= 10 * 3


def test_without_a_free_range_it_says_so() -> None:
    """Private address space that blue uses whole is no reason to guess."""
    whole = facts(pods=("10.0.0.0/8", "172.16.0.0/12"), services=("192.168.0.0/16",))
    with pytest.raises(Stopped, match="no range left"):
        recommend(whole)


def test_whatever_a_cluster_is_called_the_file_can_be_read() -> None:
    """Names with colons, quotes, line breaks or hashes stay one value, and evidence stays a comment."""
    for odd in ("admin@dc1", "@dc1", "yes", "a: b #c", "it's, [odd]", "two\nlines: x", "~", ""):
        known = facts()
        text = Draft(
            name_for(odd),
            ClusterFacts(
                odd,
                "u",
                "v1",
                1,
                1,
                known.cnis,
                known.pod_cidrs,
                known.service_cidrs,
                sources={"10.32.0.0/12": "said\nblue: {}"},
            ),
            recommend(known),
            kubeconfig=odd or "k",
            context=odd or None,
            services=("shop/web",),
        ).text
        read = migration_file.parse(text, "draft", exists=lambda _: True)
        assert read.blue.kubeconfig == (odd or "k")
        assert read.blue.context == (odd or None)


def test_names_are_ones_that_a_migration_may_have() -> None:
    """The cluster's part of a context, in small letters; a name where nothing is left."""
    assert name_for("admin@dc1") == "dc1"
    assert name_for("kubernetes-admin@Kubernetes") == "kubernetes"
    assert name_for("arn:aws:eks:eu/prod_1") == "arn-aws-eks-eu-prod-1"
    assert name_for("@@@") == "migration"
    assert name_for("x" * 80 + "-") == "x" * 52


def test_a_scalar_survives_lists_in_flow_style() -> None:
    """What has a comma or a bracket is quoted."""
    for text in ("a, b", "a]", "{x}", "plain", "don't", '"', "a # b", "1e3", "null"):
        assert yaml.safe_load(f"[{scalar(text)}]") == [text]


def test_the_manifest_is_the_one_that_the_plans_name() -> None:
    """A draft and the files that people copy cannot drift apart."""
    install = yaml.safe_load((PLANS / "weave-to-calico.yaml").read_text())["green"]["calico"]["install"]
    assert (install["from"], install["sha256"]) == MANIFEST


def test_a_place_that_cannot_be_written_is_told(cli: Cli) -> None:
    """The kernel's table of processes takes no file, whoever asks: exit 30 with another place to name."""
    said = cli("init", "--simulated", "", "--out", "/proc/migration.yaml")
    assert said.code == 30
    assert "--out" in said.err

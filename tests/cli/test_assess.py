"""What `cnimigrate assess` says, how it leaves, and that it leaves nothing behind."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import CANARY, CANARY_ENCODED, Cli, canary_secret, recorded, simulated
from tests.lab.components import Spec
from tests.lab.control_plane import ControlPlane
from tests.lab.fixtures import ControlPlaneFactory
from tests.lab.pairs import GREEN

CASES = Path(__file__).parents[1] / "cases" / "assess" / "sources"


def case(stem: str) -> str:
    """The objects of a recognised CNI's case, as a recorded cluster."""
    found = yaml.safe_load((CASES / f"{stem}.yaml").read_text(encoding="utf-8"))
    return "\n---\n".join(yaml.safe_dump(obj) for obj in found["objects"])


def test_it_shows_both_sides_and_what_stands_in_the_way(cli: Cli, demo: Path) -> None:
    """Cluster, CNI with its evidence, ranges, then findings with consequence, remedy and where they are explained."""
    said = cli("assess", demo)
    assert said.code == 0
    head, cni, ranges, *rest = said.out.splitlines()
    assert head.startswith("blue (dc1-old)  v1.34.4, 12 nodes, ")
    assert head.endswith("green: Calico v3.32.1 (not there yet)")
    assert cni.startswith("CNI      weave 2.8.1")
    assert "DaemonSet kube-system/weave-net" in cni
    assert "12 of 12 pods ready" in cni
    assert "pods 10.32.0.0/12   services 10.96.0.0/12" in ranges
    assert "green: pods 10.48.0.0/14   services 10.112.0.0/16" in ranges
    at = next(i for i, line in enumerate(rest) if "POLICY-001" in line)
    assert rest[at].startswith("  warning  POLICY-001")
    assert rest[at + 2].strip().startswith("->")
    assert rest[at + 3].strip() == "docs/findings.md#policy-001"
    assert rest[-1] == "0 blockers. Nothing was changed. Next: cnimigrate rehearse"


def test_it_leaves_nothing_behind(cli: Cli, demo: Path) -> None:
    """No state directory, no world, no journal: whoever only looks has begun nothing."""
    cli("assess", demo)
    assert [p.name for p in demo.parent.iterdir()] == [demo.name]


def test_what_is_left_out_is_counted_and_all_shows_it(cli: Cli, demo: Path) -> None:
    """The screen ends with how much more there is; with --all every finding of the document is on it."""
    short, everything = cli("assess", demo).out, cli("assess", demo, "--all").out
    counts = cli("assess", demo, "-o", "json").document["counts"]
    assert short.count("  warning  ") == 5
    more = counts["warning"] - 5
    assert f"{more} more warning{'s' if more > 1 else ''}, {counts['note']} notes: --all" in short
    assert everything.count("  warning  ") == counts["warning"]
    assert everything.count("  note     ") == counts["note"]
    assert "--all" not in everything


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_the_document_says_the_same(cli: Cli, demo: Path, form: str) -> None:
    """One document with its schema version; the findings are those of the screen, blockers first."""
    said = cli("assess", demo, "-o", form)
    document = json.loads(said.out) if form == "json" else yaml.safe_load(said.out)
    assert document["schemaVersion"] == 1
    assert document["green"] is None
    assert document["blue"]["cnis"][0]["name"] == "weave"
    assert document["planned"]["podCIDR"] == "10.48.0.0/14"
    screen = cli("assess", demo, "--all").out
    assert all(f"{f['severity']:<8} {f['code']}" in screen for f in document["findings"])
    assert sum(document["counts"].values()) == len(document["findings"]) > 0


def test_a_blocker_is_shown_and_leaves_with_30(cli: Cli, tmp_path: Path) -> None:
    """Results are on stdout whatever follows; the sum, and what to mend, on stderr."""
    file = simulated(
        tmp_path,
        recorded("weave-to-calico"),
        network="{podCIDR: 10.36.0.0/16, serviceCIDR: 10.112.0.0/16}",
    )
    said = cli("assess", file)
    assert said.code == 30
    assert "  blocker  RANGE-001" in said.out
    assert "meets blue's pod range 10.32.0.0/12" in said.out
    assert "1 blocker. Nothing was changed." in said.err
    assert "RANGE-001" in said.err
    assert cli("assess", file, "-o", "json").document["counts"]["blocker"] == 1


@pytest.mark.parametrize(
    ("stem", "code", "word"), [("calico-etcd", 11, "already runs Calico"), ("cilium", 12, "runs cilium")]
)
def test_a_blue_without_a_route_is_told(cli: Cli, tmp_path: Path, stem: str, code: int, word: str) -> None:
    """Calico already there is 11, a CNI that no route leads from 12, each with what was seen."""
    said = cli("assess", simulated(tmp_path, case(stem)))
    assert (said.code, said.out) == (code, "")
    assert word in said.err
    assert "DaemonSet" in said.err


def test_another_cni_than_the_file_says_stops(cli: Cli, demo: Path) -> None:
    """`blue.cni` is asserted against what is found."""
    demo.write_text(demo.read_text().replace('simulated: ""', 'simulated: ""\n  cni: flannel'))
    said = cli("assess", demo)
    assert said.code == 30
    assert "blue.cni: flannel, but blue runs weave" in said.err


def test_once_green_stands_it_is_looked_at(cli: Cli, quick: Path) -> None:
    """In the middle of a move both sides are read as they are now, and the run is not disturbed."""
    assert cli("run", quick, "--until", "build").code == 0
    before = cli("status", quick, "-o", "json").document["head"]
    said = cli("assess", quick)
    assert re.search(
        r"green \(demo\)  v1\.34\.4, [1-9][0-9]* nodes: Calico v3\.32\.1$", said.out, re.MULTILINE
    )
    assert "(not there yet)" not in said.out
    assert cli("status", quick, "-o", "json").document["head"] == before


@pytest.mark.parametrize(
    "argv", [("--kubeconfig", "blue.yaml", "migration.yaml"), ("--context", "blue"), ("nowhere.yaml",)]
)
def test_wrong_arguments_are_refused(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...]
) -> None:
    """A file and a kubeconfig at once, a context of nothing, a file that is not there: exit 2 and a remedy."""
    monkeypatch.chdir(tmp_path)
    said = cli("assess", *argv)
    assert (said.code, said.out) == (2, "")
    assert "->" in said.err


def test_no_form_holds_a_secrets_value(cli: Cli, tmp_path: Path) -> None:
    """The canary is in blue's Secret and in its annotations, and in no output."""
    file = simulated(tmp_path, recorded("weave-to-calico", canary_secret()))
    for form in ("text", "json", "yaml"):
        said = cli("assess", file, "--all", "-o", form)
        assert said.code == 0
        assert CANARY not in said.all
        assert CANARY_ENCODED not in said.all


def test_a_real_blue_is_read_and_not_written(cli: Cli, weave_plane: ControlPlane) -> None:
    """Weave's real manifest on a real API server: recognised, assessed without a file, and no write was sent."""
    said = cli("assess", "--kubeconfig", weave_plane.kubeconfig, "--all")
    assert said.code == 0, said.err
    assert f"blue (lab-admin@blue)  v1.{weave_plane.api.get('/version')['minor']}" in said.out
    assert f"{weave_plane.spec.nodes} of {weave_plane.spec.nodes} pods ready" in said.out
    assert "recommended for green: pods 10.48.0.0/16" in said.out
    assert "(not planned yet)" in said.out
    assert "cnimigrate init" in said.out.splitlines()[-1]
    assert CANARY not in said.all
    assert CANARY_ENCODED not in said.all
    assert persisted(weave_plane) == []


def persisted(plane: ControlPlane) -> list[str]:
    """What the admin wrote by the audit log; an access review is a POST, and persists nothing."""
    return [e["requestURI"] for e in plane.writes() if "accessreviews" not in e["requestURI"]]


def test_missing_rights_are_a_finding(cli: Cli, weave_plane: ControlPlane) -> None:
    """Who may only read is told which rights a run will want: exit 30, all else is shown nevertheless."""
    said = cli("assess", "--kubeconfig", weave_plane.limited_kubeconfig)
    assert said.code == 30
    assert "RIGHT-001" in said.out
    assert "blue: create leases" in said.out
    assert "CNI      weave" in said.out


def test_kinds_that_may_not_be_listed_are_named(cli: Cli, weave_plane: ControlPlane) -> None:
    """403 on some kinds is no failure of the look: they are named in a finding."""
    rules = [
        {
            "apiGroups": [""],
            "resources": ["nodes", "pods", "namespaces", "configmaps"],
            "verbs": ["get", "list"],
        },
        {"apiGroups": ["apps"], "resources": ["*"], "verbs": ["get", "list"]},
    ]
    said = cli("assess", "--kubeconfig", weave_plane.kubeconfig_with_rules("assess-some", rules))
    assert said.code == 30
    assert "RIGHT-002" in said.out
    assert "secrets" in said.out


def test_a_refused_token_is_not_repeated(cli: Cli, weave_plane: ControlPlane) -> None:
    """A token that the server does not know: exit 30, nothing on stdout, the token nowhere."""
    kubeconfig = weave_plane.kubeconfig_with_bad_token()
    token = yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]["token"]
    said = cli("assess", "--kubeconfig", kubeconfig)
    assert (said.code, said.out) == (30, "")
    assert "blue (nobody@blue) refuses the credentials" in said.err
    assert "Nothing was changed" in said.err
    assert token not in said.err


def test_an_unknown_context_names_those_there_are(
    cli: Cli, weave_plane: ControlPlane, tmp_path: Path
) -> None:
    """A misspelt context and a missing kubeconfig are usage: exit 2 with what to write."""
    said = cli("assess", "--kubeconfig", weave_plane.kubeconfig, "--context", "nobody@nowhere")
    assert said.code == 2
    assert "lab-admin@blue" in said.err
    missing = cli("assess", "--kubeconfig", tmp_path / "no.yaml")
    assert missing.code == 2
    assert "does not exist" in missing.err


def test_a_server_that_is_away_is_told(cli: Cli, control_plane_factory: ControlPlaneFactory) -> None:
    """Refused connections end with 30, a sentence and a remedy, and no traceback."""
    plane = control_plane_factory(Spec("away", nodes=1))
    kubeconfig = plane.kubeconfig
    with plane.api_server_down():
        said = cli("assess", "--kubeconfig", kubeconfig)
    assert (said.code, said.out) == (30, "")
    assert "Traceback" not in said.err
    assert "->" in said.err


def both(directory: Path, blue: Path, green: Path, **provisioner: str) -> Path:
    """A migration file from one kubeconfig to another."""
    file = directory / "migration.yaml"
    value = {
        "apiVersion": "cnimigrate/v1",
        "kind": "Migration",
        "metadata": {"name": "both"},
        "blue": {"kubeconfig": str(blue)},
        "green": {"provisioner": {"kind": "existing", "kubeconfig": str(green), **provisioner}},
        "cutover": {"kind": "manual"},
    }
    file.write_text(yaml.safe_dump(value))
    return file


def test_two_real_sides_are_read_and_not_written(
    cli: Cli, weave_plane: ControlPlane, control_plane_factory: ControlPlaneFactory, tmp_path: Path
) -> None:
    """Green's facts come from green; neither gets a write, and nothing lies beside the file. Away, green is named."""
    green = control_plane_factory(GREEN)
    file = both(tmp_path, weave_plane.kubeconfig, green.kubeconfig)
    said = cli("assess", file, "-o", "json")
    assert said.code in {0, 30}
    assert said.document["green"]["name"] == "lab-admin@green"
    assert said.document["green"]["nodes"] == green.spec.nodes
    assert said.document["green"]["service_cidrs"] == [green.spec.service_cidr]
    assert persisted(weave_plane) == []
    assert persisted(green) == []
    assert [p.name for p in tmp_path.iterdir()] == [file.name]
    with green.api_server_down():
        away = cli("assess", file)
    assert (away.code, away.out) == (30, "")
    assert "green (lab-admin@green) does not answer" in away.err
    assert "Nothing was changed" in away.err


def test_a_green_that_cannot_be_used_is_not_taken_for_absent(
    cli: Cli, weave_plane: ControlPlane, tmp_path: Path
) -> None:
    """An existing green whose context is not in its kubeconfig stops the look, with the reason."""
    file = both(tmp_path, weave_plane.kubeconfig, weave_plane.kubeconfig, context="nobody")
    said = cli("assess", file)
    assert (said.code, said.out) == (30, "")
    assert "green is said to exist" in said.err
    assert "nobody" in said.err


def test_a_green_that_was_begun_is_said_to_be_unusable(
    cli: Cli, weave_plane: ControlPlane, tmp_path: Path
) -> None:
    """Where a program leaves a kubeconfig that does not answer, blue is assessed and green is told apart."""
    kubeconfig = tmp_path / "green.kubeconfig"
    kubeconfig.write_text("half a file")
    (tmp_path / "make.sh").write_text("#!/bin/sh\n")
    file = both(tmp_path, weave_plane.kubeconfig, kubeconfig)
    file.write_text(file.read_text().replace("kind: existing", "kind: command\n    create: [./make.sh]"))
    said = cli("assess", file)
    assert "green    not looked at: " in said.out
    assert "CNI      weave" in said.out

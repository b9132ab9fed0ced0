"""What `cnimigrate plan` shows of the composed Plan, and how it compares with the journal."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrate.cli.planview import Composed, lines, object_lines
from migrate.model.plan import Plan
from migrate.planning.contrast import MASK, contrast, masked
from migrate.replay import Decisions
from tests.cli.conftest import CANARY, CANARY_ENCODED, Cli, canary_secret, recorded, simulated
from tests.cli.test_assess import persisted
from tests.cli.test_init import facts
from tests.lab.control_plane import ControlPlane
from tests.replay.builders import migration


def test_the_screen_has_steps_gates_routes_and_objects(cli: Cli, demo: Path) -> None:
    """Phases and steps in order, each gate in front of its step with its mode, the point of no return with its loss."""
    said = cli("plan", demo)
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].startswith("demo   blue (dc1-old) weave -> green calico v3.32.1   plan ")
    assert "journal      none yet: cnimigrate run begins it" in lines
    gate = next(i for i, line in enumerate(lines) if "all/before-cutover: approval" in line)
    assert "cutover.begin" in lines[gate + 1]
    assert "no return    cutover.writers: what green's writers wrote since is not on blue" in lines
    assert any("shop (shop/frontend) ramps 1, 5, 25, 50, 100 %: all of its " in line for line in lines)
    assert any("StatefulSet shop/redis  exclusive: claim template data is ReadWriteOnce" in x for x in lines)
    assert [p.name for p in demo.parent.iterdir()] == [demo.name]


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_the_document_accounts_for_every_object(cli: Cli, demo: Path, form: str) -> None:
    """Forms and rules add up to all objects of blue; with --objects each is there with rule and reason."""
    document = cli("plan", demo, "--objects", "-o", form).document
    objects = document["objects"]
    assert objects["total"] == sum(objects["byForm"].values()) == sum(r["count"] for r in objects["byRule"])
    assert len(document["decisions"]) == objects["total"]
    assert all(d["rule"] and d["reason"] for d in document["decisions"])
    assert document["schemaVersion"] == 1
    assert document["journal"] is None
    assert [g["gate"] for g in document["gates"]] == [
        f"all/{g}"
        for g in ("before-replay", "before-start", "before-cutover", "before-full", "before-writers")
    ]
    assert "decisions" not in cli("plan", demo, "-o", form).document


def test_a_replay_that_starts_something_asks_by_itself(cli: Cli, tmp_path: Path, demo: Path) -> None:
    """before-replay is an approval where webhook backends are started with it, and opens by itself elsewhere."""
    assert "all/before-replay: approval" in cli("plan", demo).out
    plain = simulated(tmp_path, recorded("weave-to-calico"))
    backends = {r["rule"] for r in cli("plan", plain, "-o", "json").document["objects"]["byRule"]}
    mode = "approval" if "replay.webhook-backend" in backends else "auto"
    assert f"all/before-replay: {mode}" in cli("plan", plain).out


def test_a_route_that_needs_a_writer_is_switched_and_says_why(cli: Cli, demo: Path) -> None:
    """A closure with an exclusive workload cannot run on both sides; its evidence is the reason."""
    text = demo.read_text()
    demo.write_text(text.replace("services: [shop/frontend]", "services: [shop/redis]"))
    said = cli("plan", demo)
    assert (
        "switches in one go: StatefulSet shop/redis is exclusive (claim template data is ReadWriteOnce"
        in said.out
    )


def test_objects_can_be_narrowed(cli: Cli, demo: Path) -> None:
    """By kind, whatever its case, and by namespace; the count says of how many."""
    said = cli("plan", demo, "--kind", "cronjob", "--namespace", "shop")
    assert said.code == 0
    *rows, total = said.out.splitlines()
    assert [row.split()[:4] for row in rows] == [["deferred", "wave", "11", "defer.cronjob"]]
    assert "CronJob shop/abandoned-carts" in rows[0]
    assert total.startswith("1 object of ")
    wrong = cli("plan", demo, "--kind", "Deploiment")
    assert wrong.code == 2
    assert "Did you mean Deployment" in wrong.err


def test_one_object_is_shown_beside_what_green_gets(cli: Cli, demo: Path) -> None:
    """A unified diff: held at 0 replicas, with the record of how to release it; status left out."""
    said = cli("plan", demo, "--object", "deployment/shop/frontend")
    assert said.code == 0
    assert "Deployment shop/frontend: held by hold.serving, wave 11, serving" in said.out
    assert "--- blue Deployment/shop/frontend" in said.out
    assert "-  replicas: 3\n+  replicas: 0\n" in said.out
    assert "+    cnimigrate.io/held:" in said.out
    assert "status:" not in said.out


def test_the_edits_of_one_object_are_named(cli: Cli, demo: Path) -> None:
    """What sanitising did to an object is told by the ids of docs/rules.md; of what stays on blue there is nothing to tell."""
    said = cli("plan", demo, "--object", "Service/shop/frontend")
    assert "  edited by edit.metadata, edit.status, edit.service.cluster-ip (docs/rules.md)\n" in said.out
    (found,) = cli("plan", demo, "--object", "Service/shop/frontend", "-o", "json").document["objects"]
    assert found["edits"] == ["edit.metadata", "edit.status", "edit.service.cluster-ip"]
    (left,) = cli("plan", demo, "--object", "ConfigMap/shop/kube-root-ca.crt", "-o", "json").document[
        "objects"
    ]
    assert left["edits"] == []


def test_the_record_of_a_hold_is_shown(cli: Cli, demo: Path) -> None:
    """How it is released, what it had, and what is done to blue's twin before: as text and as JSON."""
    said = cli("plan", demo, "--object", "StatefulSet/shop/redis")
    assert 'at rest on blue first: {"spec": {"replicas": 0}}' in said.out
    assert "turn 1: workloads, Jobs and CronJobs" in said.out
    assert 'released on green by: {"spec": {"replicas": 2}}' in said.out
    assert 'on blue it had: {"spec": {"replicas": 2}}' in said.out
    (found,) = cli("plan", demo, "--object", "StatefulSet/shop/redis", "-o", "json").document["objects"]
    assert found["turn"] == 1
    assert found["hold"] == {
        "release": {"spec": {"replicas": 2}},
        "prior": {"spec": {"replicas": 2}},
        "absent": [],
        "restBlue": {"spec": {"replicas": 0}},
    }
    assert "made on green only then" in cli("plan", demo, "--object", "CronJob/shop/abandoned-carts").out


def test_what_names_nothing_is_told(cli: Cli, tmp_path: Path) -> None:
    """A misspelt entry decides nothing, and says so with the nearest kind; so does a rule that another one hides."""
    file = simulated(tmp_path, recorded("weave-to-calico"))
    file.write_text(
        file.read_text()
        + """workloads:
  hold: [{kind: Deploymnet, namespace: shop, name: cart}]
  start: [{namespace: nowhere}]
  volumes: [{namespace: web, name: quue, as: empty, reason: drained}]
  storageClasses: [{from: nsf, to: nfs}]
  rules:
  - {kind: Namespace, skip: true, reason: all of them}
  - {kind: Namespace, name: default, skip: true, reason: one of them}
"""
    )
    said = cli("plan", file)
    assert "names nothing operator.2: rules before it decide all that it names" in said.out
    assert (
        "workloads.hold, entry 1: blue has no Deploymnet shop/cart: did you mean kind Deployment?" in said.out
    )
    assert "names nothing workloads.start, entry 1: blue has no * nowhere/*" in said.out
    assert "workloads.volumes, entry 1: blue has no PersistentVolumeClaim web/quue" in said.out
    assert "workloads.storageClasses, entry 1: blue has no StorageClass nsf" in said.out
    assert len(cli("plan", file, "-o", "json").document["namesNothing"]) == 5


def test_what_was_not_read_is_told() -> None:
    """A kind that could not be listed is in no count: it is named beside them."""
    plan = Plan("test", (), {}, {}, {"cni": "weave"})
    composed = Composed(
        migration(), facts(), plan, Decisions(()), (), unread={"widgets.example.net": "forbidden"}
    )
    assert "not read     widgets.example.net: forbidden" in list(lines(composed, arrow="->", width=100))
    assert list(object_lines(composed, ())) == [
        "0 objects of 0; never read: componentstatuses, events, events.events.k8s.io, nodemetrics, podmetrics",
        "not read: widgets.example.net (forbidden)",
    ]


def test_kinds_of_the_same_name_are_told_apart_by_their_group(cli: Cli, tmp_path: Path) -> None:
    """A kind alone takes them all, with its group, as the rows show it, one."""
    names = {"kind": "NetworkPolicy", "plural": "networkpolicies", "singular": "networkpolicy"}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object"}},
    }
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "networkpolicies.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }
    both: list[dict[str, Any]] = [
        {"apiVersion": api, "kind": "NetworkPolicy", "metadata": {"name": "same", "namespace": "default"}}
        for api in ("example.com/v1", "networking.k8s.io/v1")
    ]
    both[1]["spec"] = {"podSelector": {}}
    file = simulated(tmp_path, recorded("weave-to-calico", definition, *both))
    for kind, groups in (("networkpolicy", 2), ("NetworkPolicy.example.com", 1)):
        found = cli("plan", file, "--object", f"{kind}/default/same", "-o", "json").document["objects"]
        assert len(found) == groups
    rows = cli("plan", file, "--kind", "NetworkPolicy.example.com").out.splitlines()
    assert ["default/same" in row for row in rows] == [True, False]
    wrong = cli("plan", file, "--kind", "NetworkPolicy.example.com", "--namespace", "defualt")
    assert (wrong.code, "Did you mean default" in wrong.err) == (2, True)


def test_one_view_at_a_time(cli: Cli, demo: Path) -> None:
    """What would be passed over in silence is an error of use, with what to leave out."""
    both = cli("plan", demo, "--object", "Job/shop/reindex-catalog", "--kind", "Job")
    assert (both.code, "or --object" in both.err) == (2, True)
    delta = cli("plan", demo, "--delta", "--namespace", "shop")
    assert (delta.code, "Leave --objects" in delta.err) == (2, True)


def test_an_object_that_stays_behind_has_no_diff(cli: Cli, demo: Path) -> None:
    """A skipped one shows its rule and reason, and that nothing is written."""
    said = cli("plan", demo, "--object", "Job/shop/reindex-catalog")
    assert "skipped by operator.2" in said.out
    assert "the new index is built on green after the move" in said.out
    assert "nothing is written to green" in said.out
    assert "---" not in said.out


@pytest.mark.parametrize(
    ("text", "word"),
    [("frontend", "names no object"), ("Deployment/shop/frontent", "Deployment/shop/frontend")],
)
def test_an_object_that_is_not_there_is_told(cli: Cli, demo: Path, text: str, word: str) -> None:
    """Half a name is refused, a misspelt one gets its neighbours."""
    said = cli("plan", demo, "--object", text)
    assert (said.code, said.out) == (2, "")
    assert word in said.err


def test_no_form_shows_a_secrets_value(cli: Cli, tmp_path: Path) -> None:
    """Keys are shown, values and annotations that repeat them are masked, in the diff and everywhere else."""
    secret = canary_secret()
    secret["metadata"]["finalizers"] = [
        "example/stays-on-blue"
    ]  # a difference, with the annotations around it
    file = simulated(tmp_path, recorded("weave-to-calico", secret))
    one = ("--object", "Secret/default/canary")
    for argv in ((), ("--objects",), one, (*one, "-o", "json"), ("--objects", "-o", "yaml")):
        said = cli("plan", file, *argv)
        assert said.code == 0, said.err
        assert CANARY not in said.all
        assert CANARY_ENCODED not in said.all
    assert "last-applied-configuration: (masked)" in cli("plan", file, *one).out


def naming(kind: str, name: str, data: dict[str, str]) -> dict[str, Any]:
    """An object whose data names addresses of the recorded Weave cluster."""
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "data": data,
    }


def test_addresses_of_blue_are_listed_in_full_and_cut_in_text(cli: Cli, tmp_path: Path) -> None:
    """JSON has place, address and kind of range of each; a line of text has the first and how many more there are."""
    many = naming("ConfigMap", "peers", {f"p{n}": f"10.36.77.{n}" for n in range(1, 8)})
    file = simulated(tmp_path, recorded("weave-to-calico", many))
    document = cli("plan", file, "--objects", "-o", "json").document
    named = {d["name"]: d["literals"] for d in document["decisions"] if d["literals"]}
    assert document["objects"]["namingBlue"] == len(named)
    assert named["peers"] == [
        {"path": f"data.p{n}", "address": f"10.36.77.{n}", "range": "pod"} for n in range(1, 8)
    ]
    (line,) = (x for x in cli("plan", file, "--objects").out.splitlines() if "default/peers" in x)
    assert line.endswith("10.36.77.3 (pod) in data.p3 and 4 more")
    assert "ConfigMap default/peers  10.36.77.1 (pod) in data.p1 and 6 more" in cli("plan", file).out
    one = cli("plan", file, "--object", "ConfigMap/default/peers").out
    assert [n for n in range(1, 8) if f"10.36.77.{n} (pod) in data.p{n}" in one] == list(range(1, 8))


def test_an_address_in_a_secret_is_masked_in_every_form(cli: Cli, tmp_path: Path) -> None:
    """The key and the kind of range are told; neither the address nor what stands around it is, by plan or assess."""
    value = f"tcp://{CANARY}@10.36.77.77:5432/{CANARY}"
    encoded = base64.b64encode(value.encode()).decode()
    file = simulated(tmp_path, recorded("weave-to-calico", naming("Secret", "dsn", {"url": encoded})))
    one = ("plan", file, "--object", "Secret/default/dsn")
    forms = [
        ("plan", file),
        ("plan", file, "--objects"),
        ("plan", file, "--objects", "-o", "json"),
        one,
        (*one, "-o", "json"),
        ("assess", file, "--all"),
        ("assess", file, "-o", "json"),
    ]
    for argv in forms:
        said = cli(*argv)
        assert "masked (pod)" in said.all or '"address": "masked"' in said.all, argv
        assert not any(word in said.all for word in ("10.36.77.77", CANARY, encoded)), argv


def test_a_masked_secret_keeps_its_keys_and_nothing_else() -> None:
    """Values of either kind go, decoded ones in annotations too; other kinds are left as they are."""
    secret = {**canary_secret(), "stringData": {"other": "plain-words"}}
    secret["metadata"]["annotations"]["example/other"] = "has plain-words in it"
    shown = masked(secret)
    assert shown["data"] == {"word": MASK}
    assert shown["stringData"] == {"other": MASK}
    notes = shown["metadata"]["annotations"]
    assert [key for key, note in notes.items() if note != MASK] == ["example/plain"]
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "b"}}
    assert masked(config) is config


def test_equal_objects_have_no_contrast() -> None:
    """What the API server keeps for itself is no difference, and a changed Secret shows no value of either side."""
    blue = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "uid": "1"},
        "data": {"k": CANARY_ENCODED},
    }
    green = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": CANARY_ENCODED}}
    assert list(contrast(blue, green, label="s")) == []
    longer = base64.b64encode(f"{CANARY} and more".encode()).decode()
    changed: dict[str, Any] = {**green, "data": {"k": longer, "new": CANARY_ENCODED}}
    lines = list(contrast(blue, changed, label="s"))
    assert "+  new: (masked)" in lines
    assert not any(longer in line or CANARY_ENCODED in line for line in lines)


def test_the_exit_code_says_whether_something_is_left(cli: Cli, quick: Path) -> None:
    """10 before the run and in its middle, 0 once all of it is done; without the option always 0."""
    assert cli("plan", quick, "--exit-code").code == 10
    assert cli("plan", quick).code == 0
    assert cli("run", quick, "--until", "build").code == 0
    half = cli("plan", quick, "--exit-code")
    assert half.code == 10
    assert "5 of 17 steps done; this is its Plan" in half.out
    assert "done  build    build.calico" in half.out
    assert cli("run", quick).code == 0
    whole = cli("plan", quick, "--exit-code")
    assert whole.code == 0, whole.all
    assert "17 of 17 steps done" in whole.out


def test_a_changed_file_is_told_by_what_changed(cli: Cli, quick: Path) -> None:
    """What amend may change is shown with both values; what never changes in a run is exit 50, after the Plan."""
    assert cli("run", quick, "--until", "prepare").code == 0
    before = quick.read_text()
    quick.write_text(before.replace("[1, 5, 25, 50, 100]", "[10, 100]"))
    revised = cli("plan", quick, "--exit-code", "-o", "json")
    assert revised.code == 10
    assert revised.document["journal"]["samePlan"] is True
    (change,) = revised.document["journal"]["changes"]
    assert change.startswith("cutover.ramp: ")
    assert change.replace(" ", "").endswith("[1,5,25,50,100]becomes[10,100]")
    assert "cnimigrate amend" in cli("plan", quick).out
    quick.write_text(before.replace("10.48.0.0/14", "10.52.0.0/14"))
    other = cli("plan", quick)
    assert other.code == 50
    assert "IT IS OF ANOTHER PLAN" in other.out
    assert "green.network.podCIDR changed" in other.err


def test_the_journal_is_only_read(cli: Cli, quick: Path) -> None:
    """A look adds no entry, and needs no lock: it works while another holds it."""
    assert cli("run", quick, "--until", "prepare").code == 0
    before = cli("export", quick).out
    assert cli("plan", quick).code == 0
    assert cli("export", quick).out == before


def test_a_real_blue_is_planned_without_a_write(cli: Cli, weave_plane: ControlPlane, tmp_path: Path) -> None:
    """Before green exists the Plan is composed from the real blue; its Secrets stay masked, and nothing is written."""
    (tmp_path / "make.sh").write_text("#!/bin/sh\n")
    file = tmp_path / "migration.yaml"
    value = {
        "apiVersion": "cnimigrate/v1",
        "kind": "Migration",
        "metadata": {"name": "real"},
        "blue": {"kubeconfig": str(weave_plane.kubeconfig)},
        "green": {
            "provisioner": {"kind": "command", "create": ["./make.sh"], "kubeconfig": "./green.kubeconfig"}
        },
        "cutover": {"kind": "manual"},
    }
    file.write_text(yaml.safe_dump(value))
    said = cli("plan", file, "--objects")
    assert said.code == 0, said.err
    assert "DaemonSet kube-system/weave-net" in said.out
    one = cli("plan", file, "--object", "Secret/default/canary")
    assert "Secret default/canary: replayed" in one.out
    for found in (said, one):
        assert CANARY not in found.all
        assert CANARY_ENCODED not in found.all
    assert persisted(weave_plane) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["make.sh", "migration.yaml"]

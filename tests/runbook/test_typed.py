"""What a person would type for an Action."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from migrate.actions.apply import apply
from migrate.actions.copying import copying
from migrate.actions.count import count_from_now
from migrate.actions.create import create
from migrate.actions.delete import delete
from migrate.actions.engaging import engage
from migrate.actions.link import link, unlink
from migrate.actions.patch import patch
from migrate.actions.provision import provision
from migrate.actions.snapshot import snapshot
from migrate.actions.status import state
from migrate.actions.traffic import weigh
from migrate.actions.wait import wait
from migrate.model.action import Action
from migrate.model.ids import ActionKey, RouteName, Side
from migrate.model.objects import Ref
from migrate.planning.migration_file import parse
from migrate.planning.replication import copy_name
from migrate.runbook.hands import Hands
from migrate.runbook.typed import CLEAN, typed

FILE = """\
metadata: {name: dc1}
blue: {kubeconfig: ~/.kube/blue.yaml, context: "admin@old dc"}
green: {provisioner: {kind: command, kubeconfig: green.yaml, create: [./make it, --now], destroy: [./unmake]}}
cutover:
  kind: haproxy
  haproxy: {socket: "10.0.0.5:9999", backend: shop, blue: [b1], green: [g1]}
"""
HANDS = Hands(parse(FILE, "migration.yaml", exists=lambda _: True))
BLUE = "kubectl --kubeconfig ~/.kube/blue.yaml --context 'admin@old dc'"
GREEN = "kubectl --kubeconfig green.yaml"
CART = Ref("apps", "Deployment", "shop", "cart")
LONE = Ref("", "Pod", "shop", "lone")

NOW = '"{\\"status\\":{\\"lastScheduleTime\\":\\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\\"}}"'

CASES: list[tuple[Action, str]] = [
    (
        create(CART, key_hash="h", rule="r", wave=11, command=""),
        f"{BLUE} get deployment.apps cart -n shop -o json | clean | {GREEN} create -f -",
    ),
    (
        count_from_now(Side.BLUE, CART),
        f"{BLUE} patch deployment.apps cart -n shop --subresource status --type merge -p {NOW}",
    ),
    (delete(Side.GREEN, CART, ours=True), f"{GREEN} delete deployment.apps cart -n shop --ignore-not-found"),
    (
        patch(Side.BLUE, CART, {"spec": {"note": "it's"}}, why="rest"),
        f"""{BLUE} patch deployment.apps cart -n shop --type merge -p '{{"spec": {{"note": "it'"'"'s"}}}}'""",
    ),
    (
        apply(Side.GREEN, CART, body_hash="h", command="", source="blue"),
        " | ".join(
            [
                f"{BLUE} get deployment.apps cart -n shop -o json",
                "clean",
                f"{GREEN} apply --server-side --field-manager cnimigrate -f -",
            ]
        ),
    ),
    (
        weigh(RouteName("shop"), 25, command="").with_prior({"green": 0}, None),
        "\n".join(
            f"echo 'set server shop/{server}' | socat stdio TCP:10.0.0.5:9999"
            for server in ("g1 weight 25", "b1 weight 75")
        ),
    ),
    (provision("command", command="x", undo="y", deadline=60, makes=True), "'./make it' --now"),
    (Action("unprovision", ActionKey("unprovision command")), "./unmake"),
    (
        wait("workloads-ready", "w", 90, side="green", refs=[CART.as_json()]),
        f"{GREEN} rollout status deployment.apps cart -n shop --timeout=90s",
    ),
    (
        wait("workloads-ready", "w", 90, side="green", refs=[LONE.as_json()]),
        f"{GREEN} wait --for=condition=Ready pod lone -n shop --timeout=90s",
    ),
    (
        wait("workloads-off", "w", 90, side="blue", refs=[LONE.as_json()]),
        f"{BLUE} get pods -n shop -o name | grep '^pod/lone$'   # until it prints nothing",
    ),
    (
        wait("workloads-off", "w", 90, side="blue", refs=[CART.as_json()]),
        f"{BLUE} get pods -n shop -o name | grep '^pod/cart-[a-z0-9]*-[a-z0-9]*$'   # until it prints nothing",
    ),
    (
        wait("endpoints-ready", "w", 90, silent=[]),
        f"{GREEN} get endpointslices -A   # each Service whose pods run has addresses, as on blue",
    ),
    (wait("a-new-condition", "w", 90), ""),
    (Action("record", ActionKey("record x"), {"verdicts": [], "facts": {}}), ""),
    (Action("new-kind", ActionKey("n"), command="as it says"), "as it says"),
]


@pytest.mark.parametrize(("action", "command"), CASES, ids=lambda v: v.kind if isinstance(v, Action) else "")
def test_the_command_for_an_action(action: Action, command: str) -> None:
    """Each kind of Action has the command that does the same, with the file's own paths, quoted for a shell."""
    assert typed(HANDS, action) == command


def test_a_held_object_is_made_in_its_dormant_form() -> None:
    """Nobody who types the replay starts by it what must not run yet."""
    hands = Hands(HANDS.written, {CART: {"spec": {"replicas": 0}}})
    line = typed(hands, create(CART, key_hash="h", rule="r", wave=11, command=""))
    assert """| clean | jq '. * {"spec": {"replicas": 0}}' | """ in line


def test_marks_are_taken_off_by_hand_but_never_written() -> None:
    """Our marks bind an object to one run: the way back of their taking is nothing that a person types."""
    off = patch(Side.GREEN, CART, {"metadata": {"annotations": {"cnimigrate.io/run": None}}}, why="unmark")
    on = patch(Side.GREEN, CART, {"metadata": {"annotations": {"cnimigrate.io/run": "7f3a"}}}, why="undo")
    assert '"cnimigrate.io/run": null' in typed(HANDS, off)
    assert typed(HANDS, on) == ""


MAIN = {"apiVersion": "example.net/v1", "kind": "Shop", "name": "main", "uid": "rehearsed"}
OTHER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "main", "uid": "of-others"}


def owners_after(action: Action, there: list[dict[str, str]] | None, tmp_path: Path) -> list[dict[str, str]]:
    """The owners that an object is written with, by what is typed for an act, where it has these."""
    metadata = {"name": "cart", "resourceVersion": "7", **({"ownerReferences": there} if there else {})}
    kubectl = (
        'kubectl() { case "$*" in '
        '*" get shop.example.net main -n shop "*) echo u-7;; '
        '*" get deployment.apps cart -n shop -o json") echo "$CART";; '
        '*" replace -f -") cat;; *) exit 9;; esac; }'
    )
    done = subprocess.run(
        ["bash", "-c", f"set -eo pipefail\n{kubectl}\n{typed(HANDS, action)}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "CART": json.dumps({"metadata": metadata})},
    )
    written = json.loads(done.stdout)["metadata"]
    assert written["resourceVersion"] == "7"
    found: list[dict[str, str]] = written["ownerReferences"]
    return found


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")
@pytest.mark.parametrize("there", [None, [OTHER], [{**MAIN, "uid": "u-7"}]], ids=["none", "others", "linked"])
def test_a_link_asks_for_the_owner_s_uid_where_it_is_typed(
    there: list[dict[str, str]] | None, tmp_path: Path
) -> None:
    """A rehearsed green has other UIDs: a shell takes the one that it reads there, once, beside whoever owns it."""
    others = [o for o in there or () if o["uid"] != "u-7"]
    assert owners_after(link(CART, "u", [MAIN]), there, tmp_path) == [*others, {**MAIN, "uid": "u-7"}]


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")
def test_what_takes_a_link_away_leaves_other_owners(tmp_path: Path) -> None:
    """One of another kind has the same name, and stays; where there is none, none is taken away."""
    linked = [OTHER, {**MAIN, "uid": "u-7"}]
    assert owners_after(unlink(CART, "u", [MAIN]), linked, tmp_path) == [OTHER]
    assert owners_after(unlink(CART, "u", [MAIN]), None, tmp_path) == []


def test_a_status_is_typed_from_blue_s() -> None:
    """What a person types takes the status of that moment along, and nothing else."""
    line = typed(HANDS, state(CART, uid="u", key_hash="h", wave=10))
    assert "| jq '{status}' |" in line
    assert "--subresource status --type merge" in line


def test_the_snapshot_leaves_secrets_out() -> None:
    """Who types the snapshot has no Secret in plain files."""
    assert "grep -vE '^(secrets|" in typed(HANDS, snapshot(None))


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")
def test_clean_takes_out_what_a_cluster_writes(tmp_path: Path) -> None:
    """The shell function of the runbook works as printed: server fields go, a headless Service stays headless."""
    objects = (
        '{"metadata":{"name":"a","uid":"u","resourceVersion":"1"},"spec":{"clusterIP":"10.1.1.1","clusterIPs":["10.1.1.1"]},'
        '"status":{}}\n{"metadata":{"name":"b"},"spec":{"clusterIP":"None"}}\n{"metadata":{"name":"c"},"data":{"k":"v"}}\n'
    )
    done = subprocess.run(
        ["bash", "-c", f"{CLEAN}\nclean | jq -c ."],
        input=objects,
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.splitlines() == [
        '{"metadata":{"name":"a"},"spec":{}}',
        '{"metadata":{"name":"b"},"spec":{"clusterIP":"None"}}',
        '{"metadata":{"name":"c"},"data":{"k":"v"}}',
    ]


COPIED = """\
workloads:
  volumes:
    - {namespace: shop, name: data, as: copy, reason: much, mover: {command: [./copy.sh, --bwlimit, 100M]}}
    - {namespace: shop, name: more, as: copy, reason: much, mover: {kind: volsync, volsync: {countImage: busybox}}}
"""


def test_a_copy_is_typed_for_its_mover() -> None:
    """A program gets what a run would tell it; VolSync's objects are taken away again, on the way back as well."""
    hands = Hands(parse(FILE + COPIED, "migration.yaml", exists=lambda _: True))
    claims = [Ref("", "PersistentVolumeClaim", "shop", name) for name in ("data", "more")]
    program, volsync = (typed(hands, copying(c, "final", attempt=2, deadline=60.0)) for c in claims)
    asked = json.loads(program.removeprefix("echo '").partition("' | ")[0])
    assert (asked["do"], asked["pass"], asked["target"]["claim"]) == ("copy", "by-hand-final-2", "data")
    assert program.endswith("/copy.sh --bwlimit 100M")
    back = [engage(claim, "final").inverse for claim in claims]
    gone = "\n".join(volsync.splitlines()[-4:])
    assert [typed(hands, action) for action in back if action is not None] == ["", gone]
    name = copy_name(claims[1])
    deleted = [f"replicationsource.volsync.backube/{name} pod/{name} secret/{name}"]
    deleted += [f"replicationdestination.volsync.backube/{name} pod/{name}"]
    assert gone.splitlines()[::2] == [
        f"{kubectl} delete {what} -n shop --ignore-not-found"
        for kubectl, what in zip((BLUE, GREEN), deleted, strict=True)
    ]

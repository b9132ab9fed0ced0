"""The documents: complete, the same every time, and without anything that must not stand in them."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from migrate.errors import UsageError
from migrate.model.migration import Accepted
from migrate.runbook import DOCUMENTS, Source, render, stale
from migrate.runbook.hands import Hands
from migrate.runbook.typed import typed
from tests.runbook.conftest import ROOT, rehearsed

PLANS = ("weave-to-calico", "flannel-to-calico", "canal-to-calico")
CANARY = "canary-4f1d9be7"


def _on_disk(plan: str, names: dict[str, str]) -> dict[str, str | None]:
    return {name: (ROOT / "runbooks" / plan / name).read_text(encoding="utf-8") for name in names}


@pytest.mark.parametrize("plan", PLANS)
def test_what_is_committed_is_what_is_rendered(plan: str) -> None:
    """The runbooks in git are those of the plans in git; `make runbooks` renders them again."""
    texts = render(rehearsed(plan))
    assert stale(texts, _on_disk(plan, texts)) == []


def test_two_rehearsals_give_the_same_bytes(texts: dict[str, str]) -> None:
    """Run id, key, times and temporary directories of a rehearsal are in no document."""
    assert render(rehearsed("weave-to-calico")) == texts


def test_every_document_is_there(texts: dict[str, str]) -> None:
    """Each document and the JSON beside them, each ending with one newline."""
    assert set(texts) == {*DOCUMENTS, "runbook.json"}
    assert all(text.endswith("\n") and not text.endswith("\n\n") for text in texts.values())


def test_every_step_of_the_plan_appears(weave: Source, texts: dict[str, str]) -> None:
    """Every step has its heading in the runbook and in the back-out, forwards and backwards."""
    names = [step.step for step in weave.plan.steps]
    assert re.findall(r"^## \d+\. .*`([a-z.]+)`\)$", texts["runbook.md"], re.MULTILINE) == names
    assert re.findall(r"^## .*\(`([a-z.]+)`\)$", texts["backout.md"], re.MULTILINE) == names[::-1]


def test_every_act_of_the_journal_appears(weave: Source, whole: dict[str, Any]) -> None:
    """No act that stands is left out: the counts of the groups add up to the journal's."""
    told = sum(group["count"] for step in whole["steps"] for group in step["groups"])
    assert told == sum(i.stands for i in weave.progress.intents()) > 50


def test_every_gate_appears_before_its_step(weave: Source, texts: dict[str, str]) -> None:
    """Each gate is a stop line that stands between the step before and its own."""
    text = texts["runbook.md"]
    gated = [step for step in weave.plan.steps if step.gate]
    assert len(gated) == 5
    for step in gated:
        stop = text.index(f"**STOP: gate {step.batch}/{step.gate}**")
        before = weave.plan.steps[weave.plan.steps.index(step) - 1]
        assert text.index(f"`{before.step}`)\n") < stop < text.index(f"`{step.step}`)\n")


def test_a_gate_binds_to_the_checks_before_it(whole: dict[str, Any]) -> None:
    """before-cutover binds to parity and probes; before-replay, which comes earlier, to neither."""
    gates = {gate["gate"]: gate for gate in whole["gates"]}
    assert {"parity-wave-11", "route web", "services"} <= set(gates["all/before-cutover"]["binds"])
    assert not {"parity-wave-11", "route web", "services"} & set(gates["all/before-replay"]["binds"])
    assert gates["all/before-cutover"]["command"] == "cnimigrate approve all/before-cutover --by YOU"
    assert gates["all/before-replay"]["mode"] == "auto"
    assert (
        "moves, off on blue before on on green: Deployment web/worker (exclusive)"
        in (gates["all/before-writers"]["shows"])
    )


def test_a_rehearsal_is_no_measurement(texts: dict[str, str], whole: dict[str, Any]) -> None:
    """Simulated time is never told as a duration."""
    assert {step["duration"] for step in whole["steps"]} == {"no measurement"}
    assert texts["runbook.md"].count("- duration: no measurement\n") == len(whole["steps"])


def test_the_point_of_no_return_is_bold_and_says_what_is_lost(texts: dict[str, str]) -> None:
    """Whoever skims the back-out page sees where data is lost."""
    bold = [line for line in texts["backout.md"].splitlines() if line.startswith("**Point of no return")]
    assert len(bold) == 1
    assert "cutover.writers" in bold[0]
    assert "what green's writers wrote since is not on blue" in bold[0]


def test_the_stand_in_for_calico_is_said(texts: dict[str, str]) -> None:
    """Nobody takes the stand-in's objects for Calico's own; the command names the file's own URL and checksum."""
    told = re.sub(r"\s+", " ", texts["runbook.md"])
    assert "Calico's manifests were not fetched: small stand-ins" in told
    assert "curl -fsSLO https://raw.githubusercontent.com/projectcalico/calico/v3.32.1/" in told
    assert "| sha256sum --check" in told


def test_go_or_no_go_says_what_verify_found(whole: dict[str, Any]) -> None:
    """What verify waits for is judged there as much as what it compares; other waits are for a step's own work."""
    lines = {line["line"]: line for line in whole["go"]}
    endpoints = lines["Services' endpoints on green"]
    assert (endpoints["state"], endpoints["evidence"][:18]) == ("green", "4 Services looked ")
    assert lines["Calico on green with pods"]["state"] == "green"
    assert {"parity", "snapshot blue"} <= set(lines)
    assert "namespaces on green" not in lines


def test_every_wait_can_be_typed(weave: Source) -> None:
    """Whatever a move waits for, a person without the tool can look at."""
    hands = Hands(weave.written)
    waits = [i.action for i in weave.acts() if i.action.kind == "wait"]
    assert len({wait.params["condition"] for wait in waits}) >= 5
    assert [wait.key for wait in waits if not typed(hands, wait)] == []


def test_no_secret_value_appears(tmp_path: Path) -> None:
    """A value in a recording's Secret is in no document, neither plain nor encoded, though the Secret is named."""
    encoded = base64.b64encode(CANARY.encode()).decode()
    recording = (ROOT / "plans/weave-to-calico.blue.yaml").read_text(encoding="utf-8")
    assert recording.count("<not recorded>") == 2
    file = tmp_path / "blue.yaml"
    file.write_text(recording.replace("<not recorded>", encoded), encoding="utf-8")
    whole = "".join(render(rehearsed("weave-to-calico", file)).values())
    assert CANARY not in whole
    assert encoded not in whole
    assert "secret api-db -n web" in whole


def test_nothing_of_the_machine_or_the_run_appears(weave: Source, texts: dict[str, str]) -> None:
    """No directory of this machine, no run id, no hash of an object."""
    whole = "".join(texts.values())
    hashes = {str(i.action.params["hash"]) for i in weave.progress.intents() if "hash" in i.action.params}
    assert hashes
    for word in (str(ROOT), str(Path.home()), "/tmp/", weave.progress.run, *hashes):
        assert word not in whole


def test_the_json_has_its_schema_version(texts: dict[str, str]) -> None:
    """The JSON is one document of version 1 with every part of the others."""
    value = json.loads(texts["runbook.json"])
    assert value["schemaVersion"] == 1
    assert {"steps", "gates", "routes", "objects", "sheet", "clusters"} <= set(value)


def test_objects_are_counted_by_rule(whole: dict[str, Any], texts: dict[str, str]) -> None:
    """Each object of blue is counted once, under the rule that decided."""
    rules = whole["objects"]["rules"]
    assert sum(sum(forms.values()) for forms in rules.values()) == 87
    assert rules["hold.exclusive"] == {"held": 1}
    assert "| `hold.exclusive` | held | 1 |" in texts["change-request.md"]


def test_only_the_version_line_may_differ(texts: dict[str, str]) -> None:
    """Another release of the tool leaves the documents fresh; any other line makes them stale, by name."""
    version = {
        name: re.sub(
            r'(?m)^(Rendered by cnimigrate ).*$|^(  "tool": ).*$',
            lambda m: f"{m[1] or m[2]}9.9.9",
            text,
        )
        for name, text in texts.items()
    }
    assert version != texts
    assert stale(texts, version) == []
    edited = {**texts, "backout.md": texts["backout.md"].replace("no measurement", "5 min", 1)}
    assert stale(texts, edited) == ["backout.md"]
    assert stale(texts, {**texts, "runbook.md": None}) == ["runbook.md"]


def test_own_templates_take_the_place_of_ours(weave: Source, texts: dict[str, str], tmp_path: Path) -> None:
    """A template of the same name overrides, another one is a document more, the rest stay as they are."""
    (tmp_path / "go-no-go.md.j2").write_text("Go? {{ name }}, {{ go | length }} lines\n")
    (tmp_path / "comms.txt.j2").write_text('{% include "_wish.j2" %}')
    (tmp_path / "_wish.j2").write_text("good luck with {{ clusters.blue.name }}\n")
    own = render(weave, tmp_path)
    assert own["go-no-go.md"].startswith("Go? weave-to-calico, ")
    assert own["comms.txt"] == "good luck with blue\n"
    assert own["runbook.md"] == texts["runbook.md"]
    assert "_wish" not in own


@pytest.mark.parametrize("text", ["{% for %}", "{{ no_such_thing }}", "{{ steps + 1 }}"])
def test_a_wrong_template_is_refused_by_name(weave: Source, tmp_path: Path, text: str) -> None:
    """Whatever is wrong with a template, the error names it."""
    (tmp_path / "backout.md.j2").write_text(text)
    with pytest.raises(UsageError, match=r"template backout\.md\.j2"):
        render(weave, tmp_path)


def test_accepted_differences_are_listed_for_whoever_decides(weave: Source, texts: dict[str, str]) -> None:
    """Each with its field and its reason; without one there is no such list."""
    entry = Accepted(kind="Deployment", name="cart", path="spec.replicas", reason="green scales it")
    verify = weave.written.verify.model_copy(update={"accept": (entry,)})
    source = replace(weave, written=weave.written.model_copy(update={"verify": verify}))
    listed = "| Deployment */cart | `spec.replicas` | green scales it |"
    assert listed in render(source)["go-no-go.md"]
    assert "the migration file accepts" not in texts["go-no-go.md"]

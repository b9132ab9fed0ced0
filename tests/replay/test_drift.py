"""Drift: what changed on blue since it was written, and is otherwise on green; nothing else."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from migrate.model.action import Action, Outcome, OutcomeState
from migrate.model.decision import Form
from migrate.model.entry import Entry, EntryKind
from migrate.model.ids import ActionKey, BatchName, RunId, StepId
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Ref, ref_of
from migrate.model.progress import Progress
from migrate.model.verdict import Result
from migrate.replay import Decisions, mark, parity
from migrate.replay.drift import GONE, Record, as_written, autoscaled, drift, judged, recorded
from migrate.replay.edits import merged
from migrate.replay.sanitise import source_hash
from tests.replay.builders import decide, deployment, inventory, obj

KEY = b"key of a test run"
RUN = RunId("7f3a")
CART = Ref("apps", "Deployment", "shop", "cart")
SETTINGS = obj("ConfigMap", "settings", "shop", data={"a": "1", "b": "2"})


def record_of(decisions: Decisions) -> Record:
    """What a run that replayed these decisions wrote down."""
    return Record(
        {d.ref: source_hash(d.target or {}, KEY) for d in decisions.written},
        releases={d.ref: d.hold.release for d in (*decisions.held, *decisions.deferred) if d.hold},
    )


def green_of(decisions: Decisions) -> Inventory:
    """Green after that replay."""
    return inventory(
        *(copy.deepcopy(mark(d.target or {}, run=RUN, key=KEY, source_uid="u")) for d in decisions.written)
    )


def told(before: Sequence[Object], after: Sequence[Object], green: Inventory | None = None) -> list[str]:
    """What is said of a blue that was replayed as `before` and is now `after`."""
    then = decide(*before)
    found = drift(
        decide(*after),
        record_of(then),
        blue=inventory(*after),
        green=green if green is not None else green_of(then),
        key=KEY,
    )
    return [str(difference) for difference in found]


def hpa(target: str) -> dict[str, Any]:
    """An autoscaler of a Deployment of the shop."""
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    return obj("HorizontalPodAutoscaler", target, "shop", "autoscaling/v2", spec={"scaleTargetRef": scaled})


def test_the_same_blue_has_not_drifted() -> None:
    """What is as it was replayed is not spoken of, status or no status."""
    blue = [deployment("cart"), SETTINGS, hpa("cart"), obj("CronJob", "nightly", "shop", "batch/v1", spec={})]
    assert told(blue, [{**o, "status": {"observed": 1}} for o in blue]) == []


def test_each_change_is_told_by_path_and_no_value() -> None:
    """A new value, a key more and a key less: each by its path, in either direction."""
    changed = {**SETTINGS, "data": {"a": "secret", "c": "3"}}
    assert told([SETTINGS], [changed]) == [
        "ConfigMap shop/settings: changed on blue at data.a, data.c, data.b"
    ]


def test_a_change_that_green_has_too_is_none() -> None:
    """What was brought to green by hand, marks or no marks, is not lacking there."""
    changed = {**SETTINGS, "data": {"a": "1"}}
    assert told([SETTINGS], [changed], inventory({**changed, "metadata": {**changed["metadata"]}})) == []


def test_what_moves_no_longer_is_told_while_green_has_it() -> None:
    """An object that a rule leaves behind today, and that was written, would stay on green."""
    token = obj("Secret", "t", "shop", type="Opaque", data={})
    now = {
        **token,
        "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": "t", "namespace": "kube-system"},
    }
    assert told([token], [now]) == ["Secret shop/t: gone from blue"]
    owned = {**SETTINGS, "metadata": {**SETTINGS["metadata"], "ownerReferences": [{
        "apiVersion": "apps/v1", "kind": "Deployment", "name": "cart", "uid": "deployment-shop-cart", "controller": True,
    }]}}  # fmt: skip
    (said,) = told([deployment("cart"), SETTINGS], [deployment("cart"), owned])
    assert said.startswith("ConfigMap shop/settings: moves no longer: ")
    assert (
        told(
            [deployment("cart"), SETTINGS], [deployment("cart"), owned], green_of(decide(deployment("cart")))
        )
        == []
    )


def test_what_needs_a_decision_is_told_even_where_green_has_it() -> None:
    """A person decides before the writers move, as before the replay."""
    job = obj("Job", "import", "shop", "batch/v1", spec={"template": {"spec": {}}}, status={"active": 1})
    assert [d.form for d in decide(job)] == [Form.UNDECIDED]
    assert told([], [job]) == ["Job shop/import: needs a decision"]
    assert told([], [job], inventory(job)) == ["Job shop/import: needs a decision"]


def test_what_is_merged_is_held_against_the_patch_that_was_sent() -> None:
    """Green's own default account has no hash: what blue added since the patch counts, unless green has it."""
    account = obj("ServiceAccount", "default", "shop", imagePullSecrets=[{"name": "new"}])
    now = decide(account)
    ref = now.all[0].ref
    record = Record(merges={ref: {"imagePullSecrets": [{"name": "old"}]}})
    bare = inventory(obj("ServiceAccount", "default", "shop", imagePullSecrets=[{"name": "old"}]))
    blue = inventory(account)
    (found,) = drift(now, record, blue=blue, green=bare, key=KEY)
    assert str(found) == "ServiceAccount shop/default: changed on blue at imagePullSecrets[0].name"
    assert drift(now, record, blue=blue, green=blue, key=KEY) == ()
    assert (
        drift(
            now, Record(merges={ref: {"imagePullSecrets": [{"name": "new"}]}}), blue=blue, green=bare, key=KEY
        )
        == ()
    )


def test_what_blue_gave_up_of_a_merge_is_told_while_green_has_it() -> None:
    """By path; where others have it otherwise by now, or the move has left it out, it is theirs or told as such."""
    account = obj("ServiceAccount", "default", "shop", imagePullSecrets=[{"name": "kept"}])
    now, blue = decide(account), inventory(account)
    ref = now.all[0].ref
    sent = {"imagePullSecrets": [{"name": "kept"}], "metadata": {"annotations": {"gone": "1"}}}
    record = Record(merges={ref: sent})
    green = inventory(merged(account, {"metadata": {"annotations": {"gone": "1"}}}))
    (found,) = drift(now, record, blue=blue, green=green, key=KEY)
    assert str(found) == "ServiceAccount shop/default: changed on blue at metadata.annotations.gone"
    theirs = inventory(merged(account, {"metadata": {"annotations": {"gone": "2"}}}))
    assert drift(now, record, blue=blue, green=theirs, key=KEY) == ()
    (gone,) = drift(replace(now, all=()), record, blue=blue, green=green, key=KEY)
    assert gone.what == GONE


def test_a_kind_that_blue_lists_no_more_proves_nothing() -> None:
    """Without the right to list it an object is not gone: no samples is inconclusive."""
    then = decide(SETTINGS)
    blind = Inventory((), {}, unreadable={"configmaps": "forbidden"})
    found = drift(decide(), record_of(then), blue=blind, green=green_of(then), key=KEY)
    assert [d.what for d in found] == ["could not be read"]
    assert judged(found, 1).result is Result.INCONCLUSIVE


def test_autoscaled_replicas_are_as_this_run_wrote_them() -> None:
    """Held or replayed as it is: another number on blue is no other state, another image is."""
    then = decide(deployment("cart"), hpa("cart"))
    more = decide(deployment("cart", replicas=7), hpa("cart"))
    scaled = autoscaled(inventory(hpa("cart")))
    assert scaled == {CART}
    record, green = record_of(then), green_of(then)
    assert drift(more, record, blue=inventory(), green=green, key=KEY)[0].paths == ("spec.replicas",)
    same = as_written(more, green, record.releases, scaled)
    assert drift(same, record, blue=inventory(), green=green, key=KEY) == ()
    hold = more.held[0].hold
    assert hold is not None
    released = inventory(merged(green.find(CART), record.releases[CART]))
    assert all(v.passed for v in parity(same, released, key=KEY, run=RUN))

    as_it_is = [replace(d, form=Form.REPLAYED, hold=None, target=_running(d.target, 3)) for d in then.held]
    now = [replace(d, form=Form.REPLAYED, hold=None, target=_running(d.target, 7)) for d in then.held]
    one, other = Decisions(tuple(as_it_is)), Decisions(tuple(now))
    green = green_of(one)
    assert not all(v.passed for v in parity(other, green, key=KEY, run=RUN))
    assert all(v.passed for v in parity(as_written(other, green, {}, scaled), green, key=KEY, run=RUN))


def _running(target: Object | None, replicas: int) -> Object:
    result: Object = merged(target, {"spec": {"replicas": replicas}})
    return result


def entry(seq: int, kind: EntryKind, data: Mapping[str, Any]) -> Entry:
    """An entry of a journal."""
    return Entry(seq, "now", 1, kind, BatchName("all"), StepId("replay.objects"), "", data)


def test_the_journals_last_word_on_an_object_counts() -> None:
    """Creates, applies and adoptions that stand give the hash; what was undone, or is Calico's, does not."""
    ref = ref_of(SETTINGS)
    writes = [
        Action("create", ActionKey("c"), {"side": "green", "ref": ref.as_json(), "hash": "first"}),
        Action(
            "apply", ActionKey("a"), {"side": "green", "ref": ref.as_json(), "hash": "last", "source": "blue"}
        ),
        Action(
            "apply", ActionKey("x"), {"side": "green", "ref": CART.as_json(), "hash": "-", "source": "calico"}
        ),
    ]
    entries = []
    for number, action in enumerate(writes):
        entries.append(entry(2 * number + 1, EntryKind.INTENT, {"action": action.as_json()}))
        done = Outcome(OutcomeState.DONE).as_json()
        entries.append(entry(2 * number + 2, EntryKind.OUTCOME, {"intent": 2 * number + 1, "outcome": done}))
    assert recorded(Progress(entries), {}).hashes == {ref: "last"}
    assert recorded(Progress(entries[:-3]), {}).hashes == {ref: "first"}

"""In which groups the cutover lets go of what is held."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrate.model.decision import Form
from migrate.model.ids import RouteName
from migrate.model.objects import Ref
from migrate.planning.routes import Closure
from migrate.replay.classes import EXCLUSIVE, SERVING, UNKNOWN
from migrate.replay.turns import Turn
from migrate.steps.ledger import Held, Ledger, Parent

REST = {"spec": {"replicas": 0}}


def held(kind: str, turn: Turn, *, group: str = "", rest: bool = True, form: Form = Form.HELD) -> Held:
    """Something held, named as its kind."""
    ref = Ref(group, kind, "shop", kind.lower())
    return Held(ref, form.value, "", False, {}, {}, (), REST if rest else None, turn=turn)


WRITER = held("Deployment", Turn.WRITERS, group="apps")
ADDRESS = held("Service", Turn.ADDRESSES)
INGRESS = held("Ingress", Turn.WAYS_IN, group="networking.k8s.io", rest=False)
SPEAKER = held("DaemonSet", Turn.WAYS_IN, group="apps")
POOL = held("IPAddressPool", Turn.WAYS_IN, group="metallb.io", rest=False, form=Form.DEFERRED)
SECRET = held("Secret", Turn.WRITERS, rest=False, form=Form.DEFERRED)


def kinds(groups: tuple[tuple[Held, ...], ...]) -> list[list[str]]:
    """The kinds of each group."""
    return [[h.ref.kind for h in group] for group in groups]


def test_fixed_addresses_move_before_the_switch() -> None:
    """Where green's own announcer gives them out, a switched route finds them there."""
    ledger = Ledger((WRITER, ADDRESS, INGRESS), ())
    assert kinds(ledger.moving()) == [["Deployment"], ["Service"]]
    assert kinds(ledger.later()) == [["Ingress"]]


def test_fixed_addresses_follow_who_announces_them() -> None:
    """Freed on blue while green has no announcer, or no pool, an address would answer nowhere."""
    ledger = Ledger((WRITER, ADDRESS, INGRESS, SPEAKER, POOL), ())
    assert kinds(ledger.moving()) == [["Deployment"]]
    assert kinds(ledger.later()) == [["DaemonSet"], ["IPAddressPool"], ["Service"], ["Ingress"]]


def test_what_writers_need_stands_before_them() -> None:
    """A Secret that somebody holds is there when the first writer starts on green."""
    ledger = Ledger((WRITER, SECRET, INGRESS), ())
    assert kinds(ledger.moving()) == [["Secret"], ["Deployment"]]
    assert kinds(ledger.later()) == [["Ingress"]]


@pytest.mark.parametrize(("word", "moving"), [(EXCLUSIVE, True), (UNKNOWN, True), (SERVING, False)])
def test_a_pod_that_may_not_run_twice_is_a_writer(word: str, *, moving: bool) -> None:
    """No patch puts blue's to rest, and green's still waits for it; one that serves may follow the traffic."""
    pod = replace(held("Pod", Turn.WRITERS, rest=False), workload_class=word)
    ledger = Ledger((WRITER, pod), ())
    assert (pod in ledger.writers(), pod.by_hand) == (moving, moving)
    assert kinds(ledger.later()) == ([] if moving else [["Pod"]])


def test_load_balancers_open_one_by_one_before_what_has_their_address() -> None:
    """One that gets no address leaves the others as they are; an Ingress has the address of its controller's Service."""
    one, two = (
        replace(held("Service", Turn.WAYS_IN, rest=False), ref=Ref("", "Service", "shop", n)) for n in "ab"
    )
    assert kinds(Ledger((INGRESS, one, two), ()).later()) == [["Service"], ["Service"], ["Ingress"]]
    ways_in = tuple(str(h.ref) for h in (INGRESS, one, two))
    route = Closure(RouteName("shop"), (), (), (), switch=True, ways_in=ways_in)
    assert kinds(Ledger((INGRESS, one, two), (route,)).moving()) == [["Service"], ["Service"], ["Ingress"]]


def test_custom_resources_move_behind_the_writers_with_who_makes_them_alive() -> None:
    """Neither is taken for what writers need: both are let go of once what they control is off on blue."""
    queue = held("Queue", Turn.WRITERS, group="example.net", rest=False, form=Form.DEFERRED)
    maker = held("StatefulSet", Turn.WRITERS, group="apps")
    parent = Parent(queue.ref, (maker.ref,), ())
    ledger = Ledger((queue, maker, WRITER, SECRET), (), parents=(parent,))
    assert kinds(ledger.moving()) == [["Secret"], ["Deployment"], ["Queue", "StatefulSet"]]
    assert [ledger.of_parents(group) for group in ledger.moving()] == [False, False, True]


def test_what_a_writer_tends_goes_off_before_it_and_comes_on_behind_it() -> None:
    """Who ends the pods of a Rollout is awake when blue's goes off, and when green's does on the way back."""
    rollout = held("Rollout", Turn.WRITERS, group="argoproj.io")
    ledger = Ledger((rollout, WRITER, ADDRESS), ())
    assert kinds(ledger.moving()) == [["Deployment"], ["Rollout"], ["Service"]]
    assert ledger.tended() == (rollout,)


def test_custom_resources_whose_pods_a_held_webhook_changes_wait_for_it() -> None:
    """What they control on green is made behind the webhook that would change it."""
    hook = held(
        "MutatingWebhookConfiguration", Turn.WAYS_IN, group="admission", rest=False, form=Form.DEFERRED
    )
    queue = held("Queue", Turn.WRITERS, group="example.net", rest=False, form=Form.DEFERRED)
    ledger = Ledger(
        (replace(queue, waits=(hook.ref,)), WRITER, hook), (), parents=(Parent(queue.ref, (), ()),)
    )
    assert kinds(ledger.moving()) == [["Deployment"], ["MutatingWebhookConfiguration"], ["Queue"]]

"""The dormant forms of Argo CD's objects: nothing goes on before blue's is off. Flux's have a switch (`switches`)."""

from __future__ import annotations

from migrate.model.decision import Form
from migrate.model.ids import RuleId
from migrate.model.objects import Object
from migrate.replay import hold, kinds
from migrate.replay.gitops import TEMPLATE_AUTOMATED, automated
from migrate.replay.rule import Rule, Shape, Subject, always
from migrate.replay.surroundings import Surroundings


def _automated(subject: Subject, _surroundings: Surroundings) -> str | None:
    return "" if automated(subject.obj) else None


def _application(_subject: Subject, _surroundings: Surroundings, target: Object) -> Shape:
    return Shape(*hold.without_automation(target))


def _application_set(_subject: Subject, _surroundings: Surroundings, target: Object) -> Shape:
    rest = TEMPLATE_AUTOMATED if automated(target) else None
    return Shape(target, hold.deferred(target, rest=rest, value=None))


RULES: tuple[Rule, ...] = (
    Rule(
        RuleId("hold.application"),
        Form.HELD,
        "Argo CD Applications that synchronise by themselves",
        "without automated sync until the cutover, blue's first",
        frozenset({kinds.APPLICATION}),
        _automated,
        _application,
    ),
    Rule(
        RuleId("defer.application-set"),
        Form.DEFERRED,
        "Argo CD ApplicationSets",
        "made at the cutover: it makes Applications that synchronise by themselves",
        frozenset({kinds.APPLICATION_SET}),
        always,
        _application_set,
    ),
)

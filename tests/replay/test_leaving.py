"""When so much would be deleted on green that a person is asked first."""

from __future__ import annotations

import pytest

from migrate.model.objects import Ref
from migrate.replay.drift import GONE, STAYS
from migrate.replay.leaving import LATER, judged
from migrate.replay.parity import Difference


def gone(kind: str, number: int, what: str = GONE, group: str = "") -> list[Difference]:
    """So many objects that are to go."""
    return [Difference(Ref(group, kind, "shop", f"a-{n}"), 0, what) for n in range(number)]


@pytest.mark.parametrize(
    ("found", "written", "passes"),
    [
        (gone("ConfigMap", 20), 20, True),
        (gone("ConfigMap", 21), 210, True),
        (gone("ConfigMap", 21), 209, False),
        (gone("ConfigMap", 20, f"{STAYS}: a person's rule"), 20, True),
        (gone("ConfigMap", 500, f"{STAYS}: a person's rule"), 600, False),
        (gone("ConfigMap", 500, LATER), 600, False),
        (gone("ConfigMap", 11) + gone("Secret", 10, LATER), 100, False),
        (gone("Bucket", 1, group="example.com"), 10_000, True),
        (gone("Bucket", 1, f"{STAYS}: a person's rule", group="example.com"), 10_000, False),
        (gone("Bucket", 1, LATER, group="example.com"), 10_000, False),
        (gone("Role", 1, f"{STAYS}: a person's rule", group="rbac.authorization.k8s.io"), 10_000, True),
        (gone("Namespace", 1), 10_000, False),
        (gone("PersistentVolumeClaim", 1), 10_000, False),
        (gone("PersistentVolume", 1, f"{STAYS}: a person's rule"), 10_000, False),
        (gone("CustomResourceDefinition", 1, group="apiextensions.k8s.io"), 10_000, False),
    ],
)
def test_much_or_precious_is_asked_for(found: list[Difference], written: int, *, passes: bool) -> None:
    """More than twenty and a tenth, whatever made them go; or one thing that takes others along, in the cluster or outside."""
    assert judged(found, written, accepted=0).passed is passes
    assert judged(found, written, accepted=len(found)).passed
    assert judged(found, written, accepted=len(found) - 1).passed is passes


def test_it_says_how_to_go_on() -> None:
    """The number, the first names, and the words to type."""
    verdict = judged(gone("Namespace", 7), 100, accepted=0)
    assert verdict.evidence.startswith(
        "7 of 100 objects would be deleted on green: Namespace shop/a-0: gone from blue"
    )
    assert verdict.evidence.endswith("; and 2 more")
    assert "cnimigrate run --accept-deletions 7" in verdict.remedy

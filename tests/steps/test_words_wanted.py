"""What the replay asks, it asks with what to write into the file."""

from __future__ import annotations

import pytest

from migrate.model.objects import Object
from migrate.steps.replay_objects import decided
from tests.replay.builders import decide, deployment, obj, service

DISK: Object = deployment("db", pod={"volumes": [{"name": "d", "rbd": {"image": "db"}}]})
CLAIM: Object = obj("PersistentVolumeClaim", "data", "shop", spec={"volumeName": "pv1"})
GOING: Object = {**CLAIM, "metadata": {**CLAIM["metadata"], "deletionTimestamp": "2026-11-22T10:00:00Z"}}


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        (DISK, "{kind: Deployment, namespace: shop, name: db, skip: true (or hold: true), reason: ...}"),
        (CLAIM, "{namespace: shop, name: data, as: empty, restored, reattach or copy, reason: ...}"),
        (GOING, "{namespace: shop, name: data, as: empty, reason: ...}"),
    ],
    ids=["a disk of the pod's", "a claim", "a claim that is being deleted"],
)
def test_what_is_asked_names_the_word_that_answers(asked: Object, word: str) -> None:
    """It can be copied from the message."""
    (verdict,) = decided(decide(obj("Namespace", "shop"), service("db"), asked))
    assert word in verdict.remedy

"""Manifests as text."""

from __future__ import annotations

import pytest

from migrate.calico.documents import ManifestError, documents

NAMED = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"


def test_every_document_is_an_object_in_its_order() -> None:
    """Empty documents are passed over, and comments alone are none."""
    text = f"---\n# nothing\n---\n{NAMED}---\n---\n{NAMED.replace('x', 'y')}"
    assert [obj["metadata"]["name"] for obj in documents(text)] == ["x", "y"]


def test_lists_are_flattened() -> None:
    """A List gives its items, and the items of a typed list need no kind of their own."""
    text = (
        "apiVersion: v1\nkind: List\nitems:\n"
        "- {apiVersion: v1, kind: Secret, metadata: {name: a}}\n"
        "- {apiVersion: apps/v1, kind: DeploymentList, items: [{metadata: {name: b}}]}\n"
    )
    assert [(obj["apiVersion"], obj["kind"], obj["metadata"]["name"]) for obj in documents(text)] == [
        ("v1", "Secret", "a"),
        ("apps/v1", "Deployment", "b"),
    ]


def test_values_are_read_as_the_api_reads_them() -> None:
    """A time and a base-60 number stay text; big sequence numbers stay exact."""
    text = (
        NAMED
        + "data: {at: 2026-11-22T19:57:46Z, day: 2026-11-22, ratio: 12:30, n: 1795377467149735680, f: 1.5, o: 0644}\n"
    )
    assert documents(text)[0]["data"] == {
        "at": "2026-11-22T19:57:46Z",
        "day": "2026-11-22",
        "ratio": "12:30",
        "n": 1795377467149735680,
        "f": 1.5,
        "o": 0o644,
    }


def test_anchors_and_merges_are_read() -> None:
    """A merge key gives what it names, and a key beside it wins."""
    text = NAMED + "base: &b {a: 1, c: 2}\ndata: {<<: *b, a: 3}\n"
    assert documents(text)[0]["data"] == {"a": 3, "c": 2}


@pytest.mark.parametrize(
    ("text", "document", "line", "words"),
    [
        (f"{NAMED}---\nfoo: [1\n", 2, 6, "no YAML"),
        (f"{NAMED}---\n- a\n", 2, 5, "a mapping is needed, and here is list"),
        ("just text", 1, 1, "here is str"),
        ("kind: X\nmetadata: {name: y}", 1, 1, "apiVersion and kind are needed"),
        (f"{NAMED}---\n\napiVersion: v1\nkind: Pod\n", 2, 6, "Pod has no metadata.name"),
        ("apiVersion: v1\nkind: List\nitems: [3]", 1, 1, "here is int"),
        (f"{NAMED}data:\n  a: 1\n  a: 2\n", 1, 6, "the key 'a' is written twice"),
        ("kind: !!python/object:os.system {}", 1, 1, "could not determine a constructor"),
    ],
)
def test_an_error_names_the_document_and_the_line(text: str, document: int, line: int, words: str) -> None:
    """Both count from 1, and the file's name stands first."""
    with pytest.raises(ManifestError) as caught:
        documents(text, source="calico.yaml")
    assert (caught.value.document, caught.value.line) == (document, line)
    assert caught.value.message.startswith("calico.yaml: document ")
    assert words in caught.value.message

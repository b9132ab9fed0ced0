"""A recording is untrusted input: what is no cluster is refused with file, place, object and path, all at once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrate.errors import RecordingError
from migrate.model.objects import Object, name_of
from migrate.simulation import recorded
from migrate.simulation.recorded import MAX_BYTES, SHOWN
from tests.simulation.builders import named

SETTINGS = named("v1", "ConfigMap", "settings", "shop", data={"a": "b"})


def refused(text: str) -> str:
    """The problems of a text that is no recorded cluster, one a line."""
    with pytest.raises(RecordingError) as error:
        recorded.of_text(text, "blue.yaml")
    assert error.value.exit_code == 2
    return "\n".join(error.value.problems)


def refused_path(path: Path) -> str:
    """The same for a file or a directory."""
    with pytest.raises(RecordingError) as error:
        recorded.of_path(path)
    return "\n".join(error.value.problems)


def web(**spec: Any) -> dict[str, Any]:
    """A Deployment that is legal, but for what is given."""
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
    whole = {"selector": {"matchLabels": labels}, "template": template, **spec}
    return named("apps/v1", "Deployment", "web", "shop", spec=whole)


def test_everything_is_told_at_once_with_its_place() -> None:
    """Document, line, object, path, what was read, what to write; the legal ones between them are no trouble."""
    text = yaml.safe_dump_all(
        [SETTINGS, web(replicas="three"), web(paused=1), named("v1", "Pod", "p", "shop")]
    )
    told = refused(text).splitlines()
    assert told[0].startswith("blue.yaml: document 2 (line ")
    assert told[0].endswith(": Deployment shop/web: spec.replicas: is a text; write a whole number")
    assert told[1].endswith("Deployment shop/web: spec.paused: is a number; write true or false")
    assert told[2].endswith("Pod shop/p: spec: is missing; write a mapping of keys to values")
    assert len(told) == 3


def test_a_flood_of_problems_is_cut_off() -> None:
    """Twenty are told, and that there are more."""
    with pytest.raises(RecordingError) as error:
        recorded.of_text(yaml.safe_dump_all([web(replicas="three")] * 1000), "blue.yaml")
    assert len(error.value.problems) == SHOWN
    assert "more than 20 errors" in error.value.message


@pytest.mark.parametrize(
    ("obj", "told"),
    [
        ("text", "is a text, not a Kubernetes object"),
        ({"kind": "Pod", "metadata": {"name": "a"}}, "apiVersion: is nothing; write for example apiVersion: apps/v1"),
        ({"apiVersion": "v1", "kind": "No Kind", "metadata": {"name": "a"}}, "kind: reads 'No Kind'"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": ["a"]}, "metadata: is a list; write a mapping with a name"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": 7}}, "metadata.name: is a number"),
        (named("v1", "ConfigMap", "../../etc/passwd"), "metadata.name: reads '../../etc/passwd'"),
        (named("v1", "ConfigMap", "team lead", "shop"), "metadata.name: reads 'team lead'"),
        (named("rbac.authorization.k8s.io/v1", "Role", "a\x1b[2J", "shop", rules=[]), "metadata.name: reads 'a\\x1b[2J'"),
        (named("v1", "ConfigMap", "a" * 254), "of at most 253 characters"),
        (named("v1", "ConfigMap", "a", "Shop"), "metadata.namespace: reads 'Shop'"),
        (named("v1", "Node", "a", "shop"), "metadata.namespace: a Node is in no namespace; leave it out"),
        (named("example.com/v1", "Thing", "a"), "nothing serves example.com/v1 Thing"),
        (named("v1", "Service", "Web", "shop", spec={"ports": [{"port": 1}]}), 'metadata.name: Invalid value: "Web"'),
        (web(selector={"matchLabels": {"app": "other"}}), "`selector` does not match template `labels`"),
        (named("v1", "ConfigMap", "a", data={"a": "\ud800"}), ": data.a: has half a character in it"),
        (named("v1", "ConfigMap", "a", data={"\ud800": "a"}), ": data: has half a character in it"),
        (web(replicas=2**63), "spec.replicas: is a number that no server reads"),
    ],
)  # fmt: skip
def test_an_object_that_no_server_would_give(obj: Any, told: str) -> None:
    """Each in words that say where and what to write."""
    assert told in refused(json.dumps(obj))


def test_a_role_may_have_a_blank_in_its_name() -> None:
    """As on a real server, which takes any segment of a path for it; our own snapshot of one must be read."""
    role = named("rbac.authorization.k8s.io/v1", "Role", "team lead", "shop", rules=[])
    assert [name_of(obj) for obj in recorded.of_text(json.dumps(role), "blue.json")] == ["team lead"]


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"labels": ["a"]}, "metadata.labels: is a list; write a mapping"),
        ({"labels": {"a": 1}}, "metadata.labels.a: is a number; write a text, in quotes"),
        ({"annotations": {"a": None}}, "metadata.annotations.a: is nothing; write a text"),
        ({"ownerReferences": {"kind": "Pod"}}, "metadata.ownerReferences: is a mapping; write a list"),
        ({"ownerReferences": [{"kind": "Pod"}]}, "metadata.ownerReferences[0].apiVersion: is missing"),
        ({"uid": 4}, "metadata.uid: is a number"),
        ({"finalizers": "one"}, "metadata.finalizers: is a text; write a list"),
    ],
)
def test_metadata_is_typed_for_every_kind(metadata: Mapping[str, Any], told: str) -> None:
    """Whatever the kind, a custom one too: the server itself types this part."""
    obj = named("example.com/v1", "Thing", "a", "shop")
    obj["metadata"] |= metadata
    assert told in refused(json.dumps(obj))


def test_a_value_is_never_quoted() -> None:
    """A password may be where something else belongs."""
    secret = named("v1", "Secret", "s", "shop", data={"password": ["hunter2"]}, type=["hunter2"])
    env = web()
    env["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "P", "value": 12345678}]
    told = refused(yaml.safe_dump_all([secret, env]))
    assert "data.password: is a list" in told
    assert "env[0].value: is a number" in told
    assert "hunter2" not in told
    assert "12345678" not in told


def test_an_object_stands_once() -> None:
    """The second is told with the place of the first."""
    told = refused(yaml.safe_dump_all([SETTINGS, SETTINGS]))
    assert "document 2" in told
    assert "is written twice, first in blue.yaml: document 1 (line 1)" in told


def test_what_others_wrote_moves_no_cursor() -> None:
    """Control characters in names do not reach the terminal."""
    told = refused(json.dumps(named("v1", "Pod", "a\x1b[2Jb", "shop")))
    assert told.isprintable()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[" * 200_000, "blue.yaml: nests deeper than 100 levels"),
        ("a: " + "{a: " * 200_000, "blue.yaml: line 1: nests deeper than 100 levels"),
        ("a: &a [*a]", "nests deeper than 100 levels, or holds itself"),
        ("a: &a {b: 1}\nc: {<<: *a}", "blue.yaml: line 2: merges a mapping into another (<<)"),
        ("a: [b", "blue.yaml: document 1, line 2: is no YAML"),
        ("a: b: c", "blue.yaml: document 1, line 1: is no YAML"),
        ("a: 1\n---\na: 1\na: 2", "document 2, line 4: has a key twice in one mapping"),
        ("{[a]: b}", "blue.yaml: document 1: is no YAML"),
        ("a: !!python/object:os.system {}", "is no YAML"),
        ("1: a", "a key is a number; write it in quotes"),
        ("a: !!binary aGVsbG8=", "a: is a bytes"),
        ("a: .nan", "a: is a number that no server reads"),
        ('{"a": NaN}', "apiVersion: is nothing"),  # NaN is no JSON; as YAML it is a plain text, and no object
        ("kind: List\napiVersion: v1\nitems: [{kind: List, items: []}]", "item 1: is a list in a list"),
    ],
)  # fmt: skip
def test_what_the_reader_itself_must_survive(text: str, told: str) -> None:
    """Nesting that would end the process, mappings that multiply, and YAML that is no JSON."""
    assert told in refused(text)


def test_aliases_that_multiply_are_weighed_as_written_out() -> None:
    """A billion laughs: few bytes, and an object larger than any server takes; read as far as the bound."""
    lines = ["apiVersion: v1", "kind: ConfigMap", "metadata: {name: a}", "a0: &a0 [ha, ha]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 40)]
    assert "is larger than 3 MiB" in refused("\n".join(lines))


def test_harmless_aliases_are_read() -> None:
    """As a dumper writes them for values that are shared."""
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: &l {a: b}, annotations: *l}}"
    (obj,) = recorded.of_text(text, "blue.yaml")
    assert obj["metadata"]["annotations"] == {"a": "b"}


def test_an_object_of_a_megabyte_is_read_and_one_of_four_is_not() -> None:
    """The bound is what a server takes in one request."""
    assert recorded.of_text(json.dumps(named("v1", "ConfigMap", "a", data={"a": "x" * 2**20})), "blue.yaml")
    assert "is larger than 3 MiB" in refused(
        json.dumps(named("v1", "ConfigMap", "a", data={"a": "x" * MAX_BYTES}))
    )


@pytest.mark.parametrize(
    "obj",
    [
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "system:a"}, "rules": None},
        named("v1", "Service", "web", "shop", spec={"ports": [{"port": 80, "name": ""}], "selector": None}),
        named("v1", "ConfigMap", "a", "shop", data=None, binaryData={}),
        named("networking.k8s.io/v1", "NetworkPolicy", "a", "shop", spec={"podSelector": {}, "egress": [{}], "ingress": None}),
        named("discovery.k8s.io/v1", "EndpointSlice", "a", "shop", addressType="IPv4", endpoints=None, ports=None),
        named("apiregistration.k8s.io/v1", "APIService", "v1.", spec={"groupPriorityMinimum": 1, "versionPriority": 1}),
        web(template={"metadata": {"creationTimestamp": None, "labels": {"app": "web"}},
                      "spec": {"containers": [{"name": "web", "image": "web:1", "resources": {}}], "volumes": None}}),
    ],
    ids=lambda obj: obj["kind"],
)  # fmt: skip
def test_what_a_real_server_serves_though_it_looks_odd(obj: Object) -> None:
    """Null lists and maps that Go left nil, empty texts, names that are path segments."""
    assert recorded.of_text(json.dumps(obj), "blue.yaml") == (obj,)


# --- directories, and snapshots of ours --------------------------------------------------------------------------


def snapshot(place: Path) -> Path:
    """A snapshot as the tool leaves it: one file a resource, and the table of contents."""
    place.mkdir()
    table: dict[str, Any] = {
        "secrets": {"objects": 3, "leftOut": "no key"},
        "widgets.x.example": {"unread": "403"},
    }
    for name, obj in (("configmaps", SETTINGS), ("deployments.apps", web())):
        data = json.dumps(obj).encode() + b"\n"
        (place / f"{name}.jsonl").write_bytes(data)
        table[name] = {"objects": 1, "sha256": hashlib.sha256(data).hexdigest()}
    (place / "contents.json").write_text(json.dumps(table))
    return place


def test_a_snapshot_is_a_recording(tmp_path: Path) -> None:
    """Its files are read as its table lists them."""
    assert {name_of(o) for o in recorded.of_path(snapshot(tmp_path / "s"))} == {"settings", "web"}


def test_an_edited_snapshot_is_told_by_the_files_name(tmp_path: Path) -> None:
    """Edited, taken away, put there: three problems, with their names."""
    place = snapshot(tmp_path / "s")
    (place / "configmaps.jsonl").write_text(json.dumps(SETTINGS))
    (place / "deployments.apps.jsonl").unlink()
    (place / "services.jsonl").write_text("{}")
    told = refused_path(place)
    assert f"{place / 'configmaps.jsonl'}: was edited since the snapshot was taken" in told
    assert "deployments.apps.jsonl is not there any more" in told
    assert f"{place / 'services.jsonl'}: is not in contents.json" in told


def test_a_file_holds_what_its_name_promises(tmp_path: Path) -> None:
    """An object of another kind in a snapshot's file is told, though the sum was mended with it."""
    place = snapshot(tmp_path / "s")
    data = json.dumps(named("v1", "Service", "web", "shop", spec={"ports": [{"port": 80}]})).encode()
    (place / "configmaps.jsonl").write_bytes(data)
    table = json.loads((place / "contents.json").read_text())
    table["configmaps"]["sha256"] = hashlib.sha256(data).hexdigest()
    (place / "contents.json").write_text(json.dumps(table))
    assert "is one of services, and the file's name promises configmaps" in refused_path(place)


@pytest.mark.parametrize("content", ["[]", "{", '{"a": 1}', '{"../../etc/passwd": {"sha256": 7}}', "\xff"])
def test_a_table_of_contents_that_is_none(tmp_path: Path, content: str) -> None:
    """It is input like the rest, and its names lead to no file elsewhere."""
    place = snapshot(tmp_path / "s")
    (place / "contents.json").write_bytes(content.encode("latin-1"))
    assert str(place) in refused_path(place)


def test_a_directory_has_recorded_files_and_nothing_else(tmp_path: Path) -> None:
    """A link, a pipe, a folder and a file of another sort: each is told by name, none is followed or waited for."""
    secret = tmp_path / "elsewhere.yaml"
    secret.write_text(yaml.safe_dump(SETTINGS))
    place = tmp_path / "d"
    place.mkdir()
    (place / "a.yaml").symlink_to(secret)
    os.mkfifo(place / "b.yaml")
    (place / "c.yaml").mkdir()
    (place / "d.sh").write_text("#!/bin/sh")
    told = refused_path(place).splitlines()
    assert [line.partition(": ")[2].partition(";")[0] for line in told] == [
        "is a link", "is no file", "is no file", "is none of the files that are read here",
    ]  # fmt: skip


def test_a_directory_of_yaml_and_json_lines_is_read_whole(tmp_path: Path) -> None:
    """Side by side, in the order of their names; an object in two of them is told."""
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(SETTINGS))
    (tmp_path / "b.jsonl").write_text(json.dumps(web()) + "\n\n")
    assert [name_of(o) for o in recorded.of_path(tmp_path)] == ["settings", "web"]
    (tmp_path / "c.json").write_text(json.dumps(web()))
    assert "is written twice, first in" in refused_path(tmp_path)


@pytest.mark.parametrize(
    ("data", "told"),
    [(b"a: caf\xe9", "is not UTF-8 (byte 0xe9 in line 1)"), (b"", "does not hold Kubernetes objects")],
)
def test_a_file_that_is_no_text_or_has_nothing(tmp_path: Path, data: bytes, told: str) -> None:
    """Told with the byte and its line."""
    file = tmp_path / "blue.yaml"
    file.write_bytes(data)
    assert told in refused_path(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """With the system's words."""
    assert "No such file" in refused_path(tmp_path / "nowhere.yaml")

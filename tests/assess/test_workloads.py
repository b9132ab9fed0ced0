"""Reading containers: images whatever the registry, flags however they are written, settings wherever they are."""

from __future__ import annotations

import pytest

from migrate.assess.workloads import Image, image_of, rollout, secret_behind, settings
from migrate.replay.arguments import flag_in
from tests.assess.cluster import inventory


@pytest.mark.parametrize(
    ("reference", "path", "tag", "version"),
    [
        ("weaveworks/weave-kube:2.8.1", "weaveworks/weave-kube", "2.8.1", "2.8.1"),
        ("registry.example/calico/node:v3.32.1", "calico/node", "v3.32.1", "3.32.1"),
        ("registry.example:5000/a/b/calico/node:v3.1", "a/b/calico/node", "v3.1", "3.1"),
        ("localhost/flannel", "flannel", "", ""),
        ("flannel:latest", "flannel", "latest", ""),
        ("calico/node@sha256:0123", "calico/node", "", ""),
        ("calico/node:v3.1@sha256:0123", "calico/node", "v3.1", "3.1"),
        ("", "", "", ""),
    ],
)
def test_an_images_path_and_version_do_not_depend_on_the_registry(
    reference: str, path: str, tag: str, version: str
) -> None:
    """A host, with or without a port, and a digest are no part of either."""
    image = image_of({"image": reference})
    assert image == Image(path, tag)
    assert image.version == version


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--name=a"], "a"),
        (["--name", "a"], "a"),
        (["-name=a"], "a"),
        (["--name", "--other"], "true"),
        (["--name"], "true"),
        (["--name=a", "--name=b"], "b"),
        (["name=a", "--names=b"], None),
        ([], None),
    ],
)
def test_flags_are_read_however_they_are_written(words: list[str], expected: str | None) -> None:
    """Go's flag package takes one dash or two; the last one wins."""
    assert flag_in(words, "name") == expected


def test_settings_come_from_values_and_configmaps_and_never_from_secrets() -> None:
    """A variable from a Secret is there, empty; one whose ConfigMap is missing is not there."""
    container = {
        "envFrom": [{"configMapRef": {"name": "all"}}, {"configMapRef": {"name": "none"}}],
        "env": [
            {"name": "PLAIN", "value": "1"},
            {"name": "EMPTY"},
            {"name": "FROM_MAP", "valueFrom": {"configMapKeyRef": {"name": "one", "key": "k"}}},
            {"name": "GONE", "valueFrom": {"configMapKeyRef": {"name": "gone", "key": "k"}}},
            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        ],
    }
    maps = inventory(
        [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": n, "namespace": "a"},
                "data": {"k": n},
            }
            for n in ("all", "one")
        ]
    )
    owner = {"kind": "DaemonSet", "metadata": {"name": "d", "namespace": "a"}}
    assert settings(maps, owner, container) == {
        "k": "all",
        "PLAIN": "1",
        "EMPTY": "",
        "FROM_MAP": "one",
        "PASSWORD": "",
    }
    assert secret_behind(container, "PASSWORD") == "s"
    assert secret_behind(container, "PLAIN") == ""


def test_a_daemonset_without_status_is_not_idle() -> None:
    """Only the API server's own count says that no pod is wanted."""
    assert not rollout([{"kind": "DaemonSet"}]).idle
    assert rollout([{"status": {"desiredNumberScheduled": 0}}]).idle
    assert not rollout(
        [{"status": {"desiredNumberScheduled": 0}}, {"status": {"desiredNumberScheduled": 1}}]
    ).idle

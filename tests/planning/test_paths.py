"""Paths of a migration file: what is made absolute, and what is left as it is because it is no path."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.planning.migration_file import parse
from migrate.planning.paths import resolve

SHORT = """\
metadata: {name: dc1}
blue: {kubeconfig: blue.yaml}
green: {provisioner: {kubeconfig: green.yaml}}
cutover: {kind: manual}
"""


def test_resolved_paths_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every path is made absolute; URLs, addresses and programs on PATH stay as they are."""
    monkeypatch.setenv("HOME", "/home/of-somebody")
    text = """\
metadata: {name: dc1}
blue: {kubeconfig: ~/.kube/blue.yaml}
snapshot: {secretsKey: dc1.key}
green:
  provisioner: {kind: command, kubeconfig: green.yaml, create: [./make.sh, --all], destroy: [terraform, destroy]}
  calico: {install: {from: manifests/calico.yaml}}
cutover:
  kind: command
  command: {read: [bin/traffic, read], set: [traffic, set]}
workloads:
  volumes: [{namespace: shop, as: copy, reason: moved, mover: {kind: command, command: [bin/copy, -v]}}]
"""
    migration = resolve(parse(text, "migration.yaml", exists=lambda _: True), tmp_path)
    assert migration.blue.kubeconfig == "/home/of-somebody/.kube/blue.yaml"
    assert migration.green.provisioner.kubeconfig == f"{tmp_path}/green.yaml"
    assert migration.green.provisioner.create == (f"{tmp_path}/make.sh", "--all")
    assert migration.green.provisioner.destroy == ("terraform", "destroy")
    assert migration.green.calico.install.source == f"{tmp_path}/manifests/calico.yaml"
    assert migration.snapshot.secrets_key == f"{tmp_path}/dc1.key"
    assert migration.cutover.command is not None
    assert migration.cutover.command.read == (f"{tmp_path}/bin/traffic", "read")
    assert migration.cutover.command.set == ("traffic", "set")
    (data,) = migration.workloads.volumes
    assert data.mover is not None
    assert data.mover.command == (f"{tmp_path}/bin/copy", "-v")


def test_resolving_leaves_what_is_no_path(tmp_path: Path) -> None:
    """A URL, HAProxy's TCP address and the embedded blue are not made paths; a socket's path is."""
    haproxy = "{socket: SOCKET, backend: shop, blue: [b], green: [g], stateFile: state}"
    text = f"{SHORT.replace('{kind: manual}', f'{{kind: haproxy, haproxy: {haproxy}}}')}"
    url = "https://example.org/v3.32.1/calico.yaml"
    text = text.replace(
        "{provisioner", f"{{calico: {{install: {{from: '{url}', sha256: {'0a' * 32}}}}}, provisioner"
    )
    tcp = resolve(parse(text.replace("SOCKET", "127.0.0.1:9999"), "f", exists=lambda _: True), tmp_path)
    unix = resolve(parse(text.replace("SOCKET", "run/haproxy.sock"), "f", exists=lambda _: True), tmp_path)
    assert tcp.green.calico.install.source == url
    assert tcp.cutover.haproxy is not None
    assert unix.cutover.haproxy is not None
    assert tcp.cutover.haproxy.socket == "127.0.0.1:9999"
    assert unix.cutover.haproxy.socket == f"{tmp_path}/run/haproxy.sock"
    assert unix.cutover.haproxy.state_file == f"{tmp_path}/state"
    demo = parse(
        'metadata: {name: d}\nblue: {simulated: ""}\ngreen: {provisioner: {kind: simulated}}\n',
        "f",
        exists=lambda _: True,
    )
    assert not resolve(demo, tmp_path).blue.simulated

"""The level of the Pod Security Standards that a pod meets, control by control."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.assess.pod_security import Level, level_of

HARD: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
    "capabilities": {"drop": ["ALL"]},
}
"""What a container needs to be restricted where its pod says nothing."""


def pod(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A restricted pod with changes to its only container and its spec."""
    main = {"name": "main", "securityContext": HARD, **(container or {})}
    return {"spec": {"containers": [main], **spec}}


def secured(**context: Any) -> dict[str, Any]:
    """A restricted pod whose container's security context is changed; None takes a field away."""
    changed = {key: value for key, value in {**HARD, **context}.items() if value is not None}
    return pod({"securityContext": changed})


RESTRICTED = [
    pod(),
    pod(volumes=[{"name": "a", "emptyDir": {}}, {"name": "b", "secret": {"secretName": "b"}}]),
    secured(capabilities={"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}),
    secured(seccompProfile={"type": "Localhost", "localhostProfile": "a.json"}),
    pod(securityContext={"sysctls": [{"name": "net.ipv4.tcp_rmem", "value": "1"}], "runAsUser": 1000}),
    {
        "spec": {
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}
            ],
        }
    },
    {"spec": {"os": {"name": "windows"}, "containers": [{"securityContext": {"runAsNonRoot": True}}]}},
    pod({"livenessProbe": {"httpGet": {"path": "/", "port": 80}}, "ports": [{"containerPort": 80}]}),
]
BASELINE = [
    (secured(runAsNonRoot=None), "runAsNonRoot is not true"),
    (secured(runAsNonRoot=False), "runAsNonRoot is not true"),
    (secured(runAsUser=0), "runAsUser is 0"),
    (secured(allowPrivilegeEscalation=None), "allowPrivilegeEscalation is not false"),
    (secured(seccompProfile=None), "no seccompProfile"),
    (secured(capabilities={"drop": ["NET_RAW"]}), "capabilities not dropped"),
    (secured(capabilities={"drop": ["ALL"], "add": ["CHOWN"]}), "capabilities not dropped"),
    (pod(volumes=[{"name": "a", "nfs": {"server": "a", "path": "/"}}]), "volume types"),
    (pod(securityContext={"runAsNonRoot": False}), "runAsNonRoot is not true"),
]
PRIVILEGED = [
    (pod(hostNetwork=True), "host namespaces"),
    (pod(hostPID=True), "host namespaces"),
    (pod(hostIPC=True), "host namespaces"),
    (secured(privileged=True), "privileged"),
    (pod(initContainers=[{"name": "i", "securityContext": {"privileged": True}}]), "privileged"),
    (secured(capabilities={"add": ["SYS_ADMIN"]}), "capabilities added"),
    (pod(volumes=[{"name": "a", "hostPath": {"path": "/"}}]), "hostPath"),
    (pod({"ports": [{"hostPort": 80}]}), "hostPort"),
    (pod({"readinessProbe": {"tcpSocket": {"host": "127.0.0.1"}}}), "hosts in probes or hooks"),
    (pod({"lifecycle": {"preStop": {"httpGet": {"host": "a"}}}}), "hosts in probes or hooks"),
    (secured(appArmorProfile={"type": "Unconfined"}), "AppArmor"),
    (
        {
            **pod(),
            "metadata": {
                "annotations": {"container.apparmor.security.beta.kubernetes.io/main": "unconfined"}
            },
        },
        "AppArmor",
    ),
    (secured(seLinuxOptions={"type": "spc_t"}), "SELinux"),
    (secured(seLinuxOptions={"role": "r"}), "SELinux"),
    (secured(procMount="Unmasked"), "procMount"),
    (secured(seccompProfile={"type": "Unconfined"}), "seccomp"),
    (pod(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}), "sysctls"),
    (pod(securityContext={"windowsOptions": {"hostProcess": True}}), "hostProcess"),
]


@pytest.mark.parametrize("given", RESTRICTED)
def test_a_pod_that_gives_up_everything_is_restricted(given: dict[str, Any]) -> None:
    """What is allowed at the strictest level does not cost it."""
    assert level_of(given) == (Level.RESTRICTED, ())


@pytest.mark.parametrize(("given", "what"), BASELINE)
def test_one_thing_short_of_restricted_is_baseline(given: dict[str, Any], what: str) -> None:
    """Each control of the restricted standard is looked at, and only what is broken is said."""
    assert level_of(given) == (Level.BASELINE, [what])


@pytest.mark.parametrize(("given", "what"), PRIVILEGED)
def test_one_thing_that_baseline_forbids_is_privileged(given: dict[str, Any], what: str) -> None:
    """Each control of the baseline standard is looked at, and only what is broken is said."""
    assert level_of(given) == (Level.PRIVILEGED, [what])

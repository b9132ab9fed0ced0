"""The strictest of the Pod Security Standards that a pod meets, by Kubernetes' own checks.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards and the checks of k8s.io/pod-security-admission
at 1.35. What newer checks relax (user namespaces, `hostUsers: false`) is not made use of: the level that is named holds
on servers before them as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from migrate.model.objects import Object, annotations_of, dig


class Level(StrEnum):
    """The standards, as they are written in a namespace's label."""

    RESTRICTED = "restricted"
    BASELINE = "baseline"
    PRIVILEGED = "privileged"


LABEL = "pod-security.kubernetes.io/enforce"
"""The label by which a namespace refuses pods that do not meet a standard."""

_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
_SELINUX_TYPES = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
_PROFILES = frozenset({"RuntimeDefault", "Localhost"})
_VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"

_Json = Mapping[str, Any]
_Check = Callable[[Object], bool]


def level_of(pod: Object) -> tuple[Level, Sequence[str]]:
    """The strictest level that a pod, or a pod template, meets, and what keeps it from the next one."""
    found = _broken(pod, _BASELINE)
    if found:
        return Level.PRIVILEGED, found
    found = _broken(pod, _RESTRICTED)
    return (Level.BASELINE, found) if found else (Level.RESTRICTED, ())


def _broken(pod: Object, checks: Mapping[str, _Check]) -> Sequence[str]:
    return [what for what, breaks in checks.items() if breaks(pod)]


def _containers(pod: Object) -> Iterator[_Json]:
    for group in ("initContainers", "containers", "ephemeralContainers"):
        yield from dig(pod, "spec", group) or ()


def _contexts(pod: Object) -> Iterator[_Json]:
    """The security contexts of a pod's containers; empty where one has none."""
    for container in _containers(pod):
        yield container.get("securityContext") or {}


def _all_contexts(pod: Object) -> Iterator[_Json]:
    yield dig(pod, "spec", "securityContext") or {}
    yield from _contexts(pod)


def _added(pod: Object) -> set[str]:
    return {word for c in _contexts(pod) for word in dig(c, "capabilities", "add") or ()}


def _volumes(pod: Object) -> set[str]:
    return {key for volume in dig(pod, "spec", "volumes") or () for key in volume if key != "name"}


def _host_namespaces(pod: Object) -> bool:
    return any(dig(pod, "spec", field) for field in ("hostNetwork", "hostPID", "hostIPC"))


def _host_ports(pod: Object) -> bool:
    return any(port.get("hostPort") for c in _containers(pod) for port in c.get("ports") or ())


def _host_handlers(pod: Object) -> bool:
    for container in _containers(pod):
        probes = (container.get(f"{word}Probe") for word in ("liveness", "readiness", "startup"))
        hooks = (container.get("lifecycle") or {}).get
        for handler in (*probes, hooks("postStart"), hooks("preStop")):
            if dig(handler, "httpGet", "host") or dig(handler, "tcpSocket", "host"):
                return True
    return False


def _apparmor(pod: Object) -> bool:
    said = (dig(c, "appArmorProfile", "type") for c in _all_contexts(pod))
    older = (value for key, value in annotations_of(pod).items() if key.startswith(_APPARMOR))
    return any(word is not None and word not in _PROFILES for word in said) or any(
        word not in {"", "runtime/default"} and not word.startswith("localhost/") for word in older
    )


def _selinux(pod: Object) -> bool:
    options = [c.get("seLinuxOptions") or {} for c in _all_contexts(pod)]
    return any(o.get("type", "") not in _SELINUX_TYPES or o.get("user") or o.get("role") for o in options)


def _seccomp(pod: Object) -> bool:
    said = (dig(c, "seccompProfile", "type") for c in _all_contexts(pod))
    return any(word is not None and word not in _PROFILES for word in said)


def _sysctls(pod: Object) -> bool:
    return any(s.get("name") not in _SYSCTLS for s in dig(pod, "spec", "securityContext", "sysctls") or ())


def _host_process(pod: Object) -> bool:
    return any(dig(c, "windowsOptions", "hostProcess") for c in _all_contexts(pod))


def _may_be_root(pod: Object) -> bool:
    whole = dig(pod, "spec", "securityContext", "runAsNonRoot")
    said = (c.get("runAsNonRoot") for c in _contexts(pod))
    return whole is False or any(word is False or (word is None and not whole) for word in said)


def _no_seccomp(pod: Object) -> bool:
    whole = dig(pod, "spec", "securityContext", "seccompProfile", "type")
    return not whole and any(dig(c, "seccompProfile", "type") is None for c in _contexts(pod))


def _may_escalate(pod: Object) -> bool:
    return any(c.get("allowPrivilegeEscalation") is not False for c in _contexts(pod))


def _keeps_capabilities(pod: Object) -> bool:
    drops = (dig(c, "capabilities", "drop") or () for c in _contexts(pod))
    return bool(_added(pod) - {"NET_BIND_SERVICE"}) or any("ALL" not in dropped for dropped in drops)


def _linux(check: _Check) -> _Check:
    return lambda pod: dig(pod, "spec", "os", "name") != "windows" and check(pod)


_BASELINE: Mapping[str, _Check] = {
    "host namespaces": _host_namespaces,
    "privileged": lambda pod: any(c.get("privileged") for c in _contexts(pod)),
    "hostProcess": _host_process,
    "capabilities added": lambda pod: bool(_added(pod) - _CAPABILITIES),
    "hostPath": lambda pod: "hostPath" in _volumes(pod),
    "hostPort": _host_ports,
    "hosts in probes or hooks": _host_handlers,
    "AppArmor": _apparmor,
    "SELinux": _selinux,
    "procMount": lambda pod: any(c.get("procMount", "Default") != "Default" for c in _contexts(pod)),
    "seccomp": _seccomp,
    "sysctls": _sysctls,
}
_RESTRICTED: Mapping[str, _Check] = {
    "volume types": lambda pod: bool(_volumes(pod) - _VOLUMES),
    "allowPrivilegeEscalation is not false": _linux(_may_escalate),
    "runAsNonRoot is not true": _may_be_root,
    "runAsUser is 0": lambda pod: any(c.get("runAsUser") == 0 for c in _all_contexts(pod)),
    "no seccompProfile": _linux(_no_seccomp),
    "capabilities not dropped": _linux(_keeps_capabilities),
}
"""What every check forbids, in the words of a finding."""

"""The command lines of a control plane's programs, and the files that they read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.lab.assets import Assets

# Documentation range (RFC 5737). A loopback address is refused here and nothing ever calls this one; it only
# stands in the endpoints of the Service `kubernetes`. Clients of the lab use the loopback address.
ADVERTISED = "192.0.2.1"
ISSUER = "https://kubernetes.default.svc.cluster.local"
# The default of 20 requests a second would take seconds for the controllers' own accounts alone.
UNHURRIED = ["--kube-api-qps=500", "--kube-api-burst=1000"]
WRITE_VERBS = ["create", "update", "patch", "delete", "deletecollection"]


@dataclass(frozen=True)
class Spec:
    """Say what a control plane shall be like; sizes and ranges are checked by nodes.node_ranges.

    `reads_audited` has the admin's reads in the audit log as well, for a bench that counts all it asked for.
    """

    name: str
    pod_cidr: str = "10.244.0.0/16"
    service_cidr: str = "10.96.0.0/16"
    node_cidr: str = "198.18.0.0/16"
    nodes: int = 3
    reads_audited: bool = False


@dataclass(frozen=True)
class Place:
    """Hold the folder of one control plane, the ports it listens on, and the programs it is made of."""

    folder: Path
    assets: Assets
    api_port: int
    etcd_port: int
    peer_port: int

    def file(self, name: str) -> Path:
        """Return the path of a file in the folder."""
        return self.folder / name

    @property
    def whole(self) -> bool:
        """Say whether controllers, scheduler and kwok are there, so that nodes and pods come alive."""
        names = ("kube-controller-manager", "kube-scheduler", "kwok")
        return all(self.assets.has(name) for name in names)


def write_keys(place: Place) -> None:
    """Write the key pair of service-account tokens."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    place.file("sa.key").touch(mode=0o600)
    place.file("sa.key").write_bytes(private)
    place.file("sa.pub").write_bytes(public)


def write_audit_policy(place: Place, readers: Sequence[str] = ()) -> None:
    """Let the API server record who wrote what, without bodies, and the reads of `readers` alone."""
    reads = [{"level": "Metadata", "users": list(readers)}] if readers else []
    policy = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata", "verbs": WRITE_VERBS}, *reads, {"level": "None"}],
    }
    place.file("audit-policy.yaml").write_text(yaml.safe_dump(policy), encoding="utf-8")


def etcd(place: Place) -> list[str]:
    """Compose etcd's command line: fast and careless, for data that need not outlive the machine."""
    client, peer = f"http://127.0.0.1:{place.etcd_port}", f"http://127.0.0.1:{place.peer_port}"
    return [
        str(place.assets.program("etcd")),
        "--name=default",
        f"--data-dir={place.file('etcd')}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--quota-backend-bytes=8589934592",
        "--log-level=warn",
    ]


def api_server(place: Place, spec: Spec) -> list[str]:
    """Compose the API server's command line; it signs its own certificate into `certs` on its first start."""
    admission = [] if place.whole else ["--disable-admission-plugins=ServiceAccount"]
    return [
        str(place.assets.program("kube-apiserver")),
        "--bind-address=127.0.0.1",
        f"--secure-port={place.api_port}",
        f"--advertise-address={ADVERTISED}",
        f"--cert-dir={place.file('certs')}",
        f"--etcd-servers=http://127.0.0.1:{place.etcd_port}",
        f"--service-cluster-ip-range={spec.service_cidr}",
        f"--service-account-key-file={place.file('sa.pub')}",
        f"--service-account-signing-key-file={place.file('sa.key')}",
        f"--service-account-issuer={ISSUER}",
        f"--token-auth-file={place.file('tokens.csv')}",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged=true",
        f"--audit-policy-file={place.file('audit-policy.yaml')}",
        f"--audit-log-path={place.file('audit.log')}",
        "--audit-log-mode=blocking",  # a test that asks has the answer
        "--profiling=false",
        *admission,
    ]


def controller_manager(place: Place, spec: Spec, mask: int) -> list[str]:
    """Compose the controller manager's command line; it gives each node a range of the pod CIDR."""
    kubeconfig = place.file("controllers.kubeconfig")
    return [
        str(place.assets.program("kube-controller-manager")),
        f"--kubeconfig={kubeconfig}",
        "--secure-port=0",
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={place.file('sa.key')}",
        f"--root-ca-file={place.file('certs') / 'apiserver.crt'}",
        "--allocate-node-cidrs=true",
        f"--cluster-cidr={spec.pod_cidr}",
        f"--service-cluster-ip-range={spec.service_cidr}",
        f"--node-cidr-mask-size={mask}",
        "--profiling=false",
        *UNHURRIED,
    ]


def scheduler(place: Place) -> list[str]:
    """Compose the scheduler's command line."""
    return [
        str(place.assets.program("kube-scheduler")),
        f"--kubeconfig={place.file('scheduler.kubeconfig')}",
        "--secure-port=0",
        "--leader-elect=false",
        "--profiling=false",
        *UNHURRIED,
    ]


def kwok(place: Place, ranges: list[IPv4Network]) -> list[str]:
    """Compose kwok's command line; the range given here serves only nodes that have none of their own."""
    return [
        str(place.assets.program("kwok")),
        f"--kubeconfig={place.file('setup.kubeconfig')}",
        f"--config={place.assets.stages}",
        "--manage-all-nodes=true",
        f"--cidr={ranges[0]}" if ranges else "--cidr=10.0.0.0/24",
        "--node-lease-duration-seconds=40",
    ]

"""What every key of the migration file means, with an example where its default shows none.

The schema, the completion of editors and the error messages take their words from here; a test holds the table to
the model, key by key. The names are the model's classes and attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NAMES = {"kind": "Deployment", "namespace": "shop", "name": "cart"}

KEYS: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "Migration": {
        "api_version": ("The version of this format.",),
        "kind": ("What the file is.",),
        "metadata": ("What names the migration.", {"name": "dc1"}),
        "blue": ("The cluster left.", {"kubeconfig": "~/.kube/dc1.yaml", "context": "admin@dc1"}),
        "green": (
            "The cluster entered, and its Calico.",
            {"provisioner": {"kind": "existing", "kubeconfig": "~/.kube/dc1-green.yaml"}},
        ),
        "workloads": ("Which workloads move, and what may run on green before the cutover.",),
        "batches": ("Namespaces that move together; left out, everything moves at once.",),
        "verify": ("What is checked on green before the cutover.",),
        "snapshot": ("Blue as it was, kept beside the journal.",),
        "cutover": ("How the traffic moves from blue to green.", {"kind": "manual"}),
        "window": (
            "The change window: no one-way step after the latest start of the way back.",
            {"start": "2026-12-05T22:00-03:00", "end": "2026-12-06T04:00-03:00"},
        ),
        "gates": ("What must be approved before the run goes on.",),
        "limits": ("What the run allows itself towards the API servers.",),
        "soak": ("How long both clusters stand after the cutover before the run finishes.",),
        "keep": (
            "What `finish` leaves on both sides: `annotations` keeps the record of where green's objects came from, and of how what rests on blue was.",
        ),
    },
    "Metadata": {
        "name": ("The migration's name: it names the state directory and the Lease in blue.", "dc1"),
    },
    "Blue": {
        "kubeconfig": ("The kubeconfig by which blue is reached, relative to this file.", "~/.kube/dc1.yaml"),
        "context": ("The kubeconfig's context; left out, its current one.", "admin@dc1"),
        "simulated": (
            "Instead of a kubeconfig: a recorded cluster (a file, a directory, a snapshot), empty for the embedded one.",
            "weave-to-calico.blue.yaml",
        ),
        "cni": ("What blue is believed to run; the run stops where something else is found.", "weave"),
    },
    "Green": {
        "provisioner": (
            "How green comes to be.",
            {"kind": "existing", "kubeconfig": "~/.kube/dc1-green.yaml"},
        ),
        "network": ("Green's address ranges.",),
        "calico": ("Green's Calico.",),
    },
    "ProvisionerSpec": {
        "kind": (
            "existing: it is there; command: your own program makes it; simulated: for demos and tests.",
        ),
        "kubeconfig": (
            "The kubeconfig by which green is reached; with `command`, where `create` leaves it.",
            "~/.kube/dc1-green.yaml",
        ),
        "context": ("The kubeconfig's context; left out, its current one.", "admin@dc1-green"),
        "create": (
            "The program that makes green, with its arguments; safe to run again.",
            ["./make-green.sh"],
        ),
        "destroy": ("The program that unmakes what `create` made, and only that.", ["./unmake-green.sh"]),
        "deadline": ("How long `create` or `destroy` may take.",),
    },
    "Network": {
        "pod_cidr": ("The range that pods get addresses from; every pool lies inside it.",),
        "service_cidr": ("The range that Services get addresses from; it overlaps nothing else.",),
    },
    "Calico": {
        "version": ("The version that is expected to run.",),
        "install": (
            "Where Calico's manifests come from.",
            {"kind": "manifest", "from": "./manifests/calico-vxlan.yaml"},
        ),
        "pools": (
            "The IP pools, exactly as they shall stand; left out, one named default that covers podCIDR.",
            [{"name": "default", "cidr": "10.48.0.0/14", "blockSize": 26, "encapsulation": "VXLAN"}],
        ),
    },
    "CalicoInstall": {
        "kind": ("manifest: plain objects; operator: the Tigera operator and its Installation.",),
        "source": (
            "A file, a directory, or a URL with its sha256; empty where Calico stands on green already.",
            "./manifests/calico-vxlan.yaml",
        ),
        "sha256": (
            "The SHA-256 of the file or of what the URL serves, as `sha256sum` prints it.",
            "c2ab4f9a4ecde01d66e6f040d6745cd7f174d5ded573164c809ffb9f40a9d566",
        ),
    },
    "Pool": {
        "name": ("The pool's name.", "default"),
        "cidr": ("The pool's range, inside podCIDR; Calico never changes it later.", "10.48.0.0/14"),
        "block_size": ("The prefix length of the block that a node takes: 26 is 64 addresses.",),
        "encapsulation": ("How packets travel between nodes.",),
        "nat_outgoing": ("Whether pods leave the pools' ranges under their node's address.",),
        "namespaces": ("Namespaces whose pods take their addresses here; empty for all others.", ["shop"]),
    },
    "Workloads": {
        "include": ("Namespaces that move; globs are allowed.",),
        "exclude": ("Namespaces that stay, stronger than include; globs are allowed.",),
        "start": (
            "What may run on green before the cutover: serving, none, or a list of workloads.",
            "serving",
        ),
        "hold": (
            "Workloads that wait for the cutover, added to what is detected and stronger than start.",
            [_NAMES],
        ),
        "volumes": (
            "What becomes of the data behind claims, in one word each.",
            [
                {
                    "namespace": "shop",
                    "name": "data-*",
                    "as": "restored",
                    "reason": "a standby on green follows it",
                }
            ],
        ),
        "storage_classes": (
            "Storage classes that have another name on green.",
            [{"from": "fast", "to": "ceph-rbd"}],
        ),
        "rules": (
            "Your own decisions about objects, each with a reason; they come before every built-in rule.",
            [{**_NAMES, "skip": True, "reason": "rewritten for green"}],
        ),
        "on_refusal": (
            "When green refuses an object: wave writes the rest of its wave first, stop ends there; then the run waits.",
        ),
        "gitops": (
            "What Argo CD and Flux keep on blue: replay writes it like everything else; compare leaves it to green's own.",
        ),
        "on_conflict": (
            "When green has an object of that name that is not ours: stop, skip (green's stays), or adopt (it becomes ours).",
        ),
    },
    "ObjectName": {
        "kind": ("The kind, or * for all.", "Deployment"),
        "namespace": ("The namespace; globs are allowed.", "shop"),
        "name": ("The name; globs are allowed.", "cart"),
    },
    "ObjectRule": {
        "kind": ("The kind of the objects.", "Deployment"),
        "group": ("Their API group, where the kind alone is not enough.", "apps"),
        "namespace": ("Their namespace; globs are allowed.", "shop"),
        "name": ("Their name; globs are allowed.", "cart"),
        "labels": ("Labels that they carry, all of them; globs are allowed in the values.", {"team": "shop"}),
        "skip": ("Do not write them on green.", True),
        "replay": ("Write them as they are.", True),
        "hold": ("Write them in a dormant form until the cutover.", True),
        "on_conflict": (
            "What to do where green has them already, not from this run: stop, skip or adopt.",
            "adopt",
        ),
        "status": ("With replay, write the status of custom resources as well.", True),
        "reason": ("Why, for the record and the people after you.", "rewritten for green"),
    },
    "Data": {
        "namespace": ("The claims' namespace; globs are allowed.", "shop"),
        "name": ("Their name; globs are allowed.", "data-*"),
        "as_": (
            (
                "empty: green's volume starts empty, and that is right; restored: you bring the data there before "
                "before-writers; reattach: green takes over the volume itself, once blue has let go of it; copy: the "
                "mover copies it, before the cutover and once more between a writer's off and its twin's on."
            ),
            "empty",
        ),
        "mover": (
            "Who copies the data, where `as` is copy.",
            {"kind": "command", "command": ["./copy.sh"]},
        ),
        "reason": ("Why, for the record and the people after you.", "a cache, filled again by itself"),
    },
    "MoverSpec": {
        "kind": (
            "Who copies: command, a program of yours; volsync, VolSync's replication on both clusters.",
        ),
        "command": (
            "The program with its arguments; no shell reads them.",
            ["./copy.sh", "--bwlimit", "100M"],
        ),
        "volsync": (
            "For kind volsync: how it copies, and how both ends are counted.",
            {"countImage": "registry.example/busybox:1.37"},
        ),
        "deadline": ("How long one pass over one claim may take.",),
    },
    "VolSyncSpec": {
        "count_image": (
            "The image of the pod that counts a claim's files on either side: it needs sh, find, stat, awk and sha256sum.",
            "registry.example/busybox:1.37",
        ),
        "copy_method": ("What blue's volume is read from: Direct, itself; Clone or Snapshot, a copy of it.",),
        "service_type": (
            "How blue's mover reaches green's: LoadBalancer, or ClusterIP where it routes there.",
        ),
        "run_as_user": (
            (
                "The user id that movers and counting pods run as; left out, the movers' is VolSync's and the counting "
                "pod's the image's."
            ),
            1000,
        ),
        "sample": ("How many files, the first by name, have their SHA-256 compared; 0 for none.",),
    },
    "StorageClassChange": {
        "source": ("The class on blue.", "fast"),
        "to": ("The class on green that takes its place.", "ceph-rbd"),
    },
    "BatchSpec": {
        "name": ("The batch's name.", "shop"),
        "namespaces": ("The namespaces that move in it.", ["shop", "billing"]),
        "after": ("Batches that must have moved before.", ["internal"]),
    },
    "Verify": {
        "probes": ("Which probes are sent; all, or their names.",),
        "budget": ("How long verification may take.",),
        "accept": (
            "Differences between blue and green that may stay, each with a reason; they are listed all the same.",
            [
                {
                    **_NAMES,
                    "path": "spec.template.spec.containers[*].resources",
                    "reason": "green's autoscaler sizes it",
                }
            ],
        ),
    },
    "Accepted": {
        "kind": ("The kind of the objects.", "Deployment"),
        "group": ("Their API group, where the kind alone is not enough.", "apps"),
        "namespace": ("Their namespace; globs are allowed.", "shop"),
        "name": ("Their name; globs are allowed.", "cart"),
        "path": (
            "The field, as `cnimigrate verify` shows it, and all below it; [*] is every position of a list.",
            "spec.template.spec.containers[*].resources",
        ),
        "reason": ("Why, for the record and the people after you.", "green's autoscaler sizes it"),
    },
    "Snapshot": {
        "secrets_key": (
            "A file with a Fernet key, to which Secrets are encrypted; left out, so are the Secrets.",
            "~/.config/cnimigrate/dc1.key",
        ),
    },
    "Cutover": {
        "kind": ("The mechanism that sends clients to one cluster or the other.",),
        "haproxy": (
            "For kind haproxy.",
            {
                "socket": "/run/haproxy/admin.sock",
                "backend": "shop",
                "blue": ["b1", "b2"],
                "green": ["g1", "g2"],
            },
        ),
        "command": (
            "For kind command: your own programs.",
            {"read": ["./traffic", "read"], "set": ["./traffic", "set"]},
        ),
        "manual": ("For kind manual: a person turns the traffic, and the run checks by probing.", {}),
        "routes": (
            "The ways in; left out, there is one for the whole mechanism.",
            [{"name": "shop", "services": ["shop/frontend"], "probe": "https://shop.example/healthz"}],
        ),
        "mode": (
            "auto: ramp where both sides can run, else switch; switch: all at once, with the outage stated.",
        ),
        "ramp": ("Green's part in percent, step by step; it rises and ends at 100.",),
        "pause": ("How long each step of the ramp is watched at least.",),
        "min_samples": ("How many requests a step must have seen: at least 3 / errorRate.",),
        "probe_rate": ("Requests a second that the prober sends.",),
        "abort": ("What sends a ramp back.",),
        "on_inconclusive": ("What happens where a step has too few samples: hold the weight, or return it.",),
    },
    "HAProxy": {
        "socket": ("The runtime socket: a path, or address:port.", "/run/haproxy/admin.sock"),
        "backend": ("The backend whose servers are weighted.", "shop"),
        "blue": ("The servers that lead to blue.", ["b1", "b2"]),
        "green": ("The servers that lead to green.", ["g1", "g2"]),
        "state_file": (
            "Where `show servers state` is saved, so that a reload keeps the weights.",
            "/var/lib/haproxy/server-state",
        ),
    },
    "CommandTraffic": {
        "read": ("The program that prints the weights.", ["./traffic", "read"]),
        "set": ("The program that sets them.", ["./traffic", "set"]),
        "counts": ("The program that prints requests and errors, if there is one.", ["./traffic", "counts"]),
        "deadline": ("How long each of them may take.",),
    },
    "ManualTraffic": {
        "instruction": ("What the person is told; {percent} and {route} are filled in.",),
    },
    "RouteSpec": {
        "name": ("The route's name.", "shop"),
        "services": ("The Services behind it, as namespace/name.", ["shop/frontend"]),
        "probe": ("The URL that clients use.", "https://shop.example/healthz"),
        "direct_blue": ("A URL that reaches blue whatever its weight.", "http://10.10.4.20:30080/healthz"),
        "direct_green": ("A URL that reaches green whatever its weight.", "http://10.10.8.20:30080/healthz"),
        "backend": ("For haproxy with several routes: this route's backend.", "shop"),
        "blue": ("For haproxy with several routes: its servers that lead to blue.", ["b1"]),
        "green": ("For haproxy with several routes: its servers that lead to green.", ["g1"]),
    },
    "AbortThresholds": {
        "error_rate": ("The error rate that sends a ramp back.",),
        "latency_p99": ("The p99 latency, as a multiple of blue's, that sends a ramp back.",),
    },
    "Window": {
        "start": ("When the window opens, ISO 8601 with offset.", "2026-12-05T22:00-03:00"),
        "end": ("When the window closes, ISO 8601 with offset.", "2026-12-06T04:00-03:00"),
    },
    "Gates": {
        "before_replay": (
            "Before objects are written to green; left out, approval where a webhook's backend starts early.",
            "auto",
        ),
        "before_start": ("Before workloads start on green.",),
        "before_cutover": ("Before the first client reaches green.",),
        "before_full": ("Before the last step of a ramp.",),
        "before_writers": ("Before what must not run twice is stopped on blue and started on green.",),
    },
    "Limits": {
        "in_flight": (
            "Requests under way at a time at each API server, reads among them; the run follows the server up to here.",
        ),
    },
    "GateSpec": {
        "mode": ("auto: opens by its checks; approval: people open it.",),
        "approvers": ("How many different people must approve.",),
        "not_": ("Who may not approve: `runner` is whoever started the run.", "runner"),
        "ticket": ("Whether an approval must name a ticket.",),
        "expires": ("How long an approval holds.", "12h"),
    },
}
"""Class, attribute, (sentence) or (sentence, example)."""

"""Kubeconfigs and credentials: what is read, what is renewed, and what is never shown."""

from __future__ import annotations

import base64
import json
import logging
import ssl
import stat
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from migrate.errors import CredentialsRefused, Refused, Unauthorized, UsageError
from migrate.kube.connect import connect
from migrate.model.ids import Side
from tests.kube.conftest import Open, Serve
from tests.kube.faulty import FaultyServer, Received, Reply, in_turn, kubeconfig, status
from tests.kube.kinds import CONFIG_MAPS, create

FOUND = Reply(200, {"kind": "ConfigMap"})
TOKEN = "hunter2"


def only(token: str) -> Any:
    """Accept one bearer token."""

    def behaviour(received: Received) -> Reply:
        good = received.headers.get("Authorization") == f"Bearer {token}"
        return FOUND if good else status(401, "Unauthorized", "Unauthorized")

    return behaviour


def plugin(folder: Path, answer: str, code: int = 0) -> dict[str, Any]:
    """A user whose credentials come from a program that counts its calls."""
    program = folder / "plugin"
    program.write_text(f"#!/bin/sh\necho called >> {folder}/calls\n{answer}\nexit {code}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(program),
            "interactiveMode": "Never",
        }
    }


def credential(token: str, *, expires: str | None = None) -> str:
    """The shell that prints an ExecCredential."""
    until = {"expirationTimestamp": expires} if expires else {}
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token, **until},
    }
    return f"echo '{json.dumps(answer)}'"


def test_a_rotated_token_file_is_read_again(serve: Serve, door: Open, tmp_path: Path) -> None:
    """A token that expired in the middle of a run is replaced, and the refused request sent once more."""
    file = tmp_path / "token"
    file.write_text("old\n", encoding="utf-8")
    server = serve(only("old"))
    cluster = door(server.url, {"tokenFile": str(file)})
    assert cluster.get(CONFIG_MAPS, "a", "shop")
    server.behaviour = only("new")
    file.write_text("new\n", encoding="utf-8")
    cluster.write(create())
    assert cluster.requests() == len(server.received) == 3


def test_an_exec_plugin_is_asked_again_after_a_401(serve: Serve, door: Open, tmp_path: Path) -> None:
    """The plugin runs once at first, and once more for a token that the server no longer takes."""
    server = serve(only("t1"))
    cluster = door(server.url, plugin(tmp_path, credential("t1")))
    for _ in range(3):
        cluster.get(CONFIG_MAPS, "a", "shop")
    assert (tmp_path / "calls").read_text(encoding="utf-8").count("called") == 1
    server.behaviour = only("t2")
    plugin(tmp_path, credential("t2"))
    cluster.get(CONFIG_MAPS, "a", "shop")
    assert (tmp_path / "calls").read_text(encoding="utf-8").count("called") == 2


def test_a_plugin_that_fails_in_the_middle_is_a_refusal(serve: Serve, door: Open, tmp_path: Path) -> None:
    """What leaves the door is a DoorError, also where the log-in behind the plugin has expired."""
    server = serve(only("t1"))
    cluster = door(server.url, plugin(tmp_path, credential("t1")))
    server.behaviour = only("t2")
    plugin(tmp_path, f"echo {TOKEN} >&2", code=1)
    with pytest.raises(Unauthorized, match=r"plugin.*gave none") as caught:
        cluster.write(create())
    assert TOKEN not in str(caught.value)


def test_a_token_about_to_expire_is_replaced_before(
    serve: Serve, door: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin says until when its token holds; no request is wasted on one that has expired."""
    monkeypatch.setattr("migrate.kube.access._TRUST_FOR", -1.0)
    server = serve(only("t1"))
    user = plugin(tmp_path, credential("t1", expires="2026-01-02T03:04:05Z"))
    cluster = door(server.url, user)
    cluster.get(CONFIG_MAPS, "a", "shop")
    server.behaviour = only("t2")
    plugin(tmp_path, credential("t2", expires="2999-01-02T03:04:05Z"))
    cluster.write(create())
    assert len(server.received) == cluster.requests() == 2


def test_a_failing_exec_plugin_is_named(
    door: Open, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The program is named and nothing of what it printed; nothing is logged at the root, and no handler is left."""
    before = list(logging.getLogger().handlers)
    user = plugin(tmp_path, f"echo {TOKEN} >&2", code=3)
    with pytest.raises(CredentialsRefused, match=r"plugin.*gave none \(exec: process returned 3\)") as caught:
        door("https://127.0.0.1:1", user)
    assert TOKEN not in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().handlers == before


def test_impersonation_is_honoured(serve: Serve, door: Open) -> None:
    """`as` in a kubeconfig is what kubectl acts as; the official client alone would act as the user itself."""
    server = serve(in_turn(FOUND))
    door(server.url, {"token": "t", "as": "auditor", "as-groups": ["g"]}).get(CONFIG_MAPS, "a", "shop")
    headers = server.received[0].headers
    assert (headers["Impersonate-User"], headers["Impersonate-Group"]) == ("auditor", "g")
    assert headers["User-Agent"].startswith("cnimigrate/")


def test_a_password_becomes_basic_authentication(serve: Serve, door: Open) -> None:
    """The old way of a user and a password is still understood by some proxies."""
    server = serve(in_turn(FOUND))
    door(server.url, {"username": "me", "password": TOKEN}).get(CONFIG_MAPS, "a", "shop")
    expected = base64.b64encode(f"me:{TOKEN}".encode()).decode()
    assert server.received[0].headers["Authorization"] == f"Basic {expected}"


def test_a_door_does_not_print_its_token(serve: Serve, door: Open) -> None:
    """A traceback that shows values shows no credentials."""
    cluster = door(serve(in_turn(FOUND)).url, {"token": TOKEN})
    assert TOKEN not in repr(cluster._access.credentials())
    assert TOKEN not in repr(cluster._access._kubeconfig)


def written(path: Path, change: Any) -> Path:
    """A kubeconfig with one thing changed; a token is in it."""
    import yaml

    kubeconfig(path, "https://127.0.0.1:1", {"token": TOKEN})
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


CASES = {
    "no current context": (lambda d: d.pop("current-context"), "has no current-context", "has them"),
    "another context": (lambda d: d.update({"current-context": "x"}), "no context 'x'", "the file has them"),
    "no such cluster": (lambda d: d.update(clusters=[]), "cluster 'c', which `clusters`", "kubectl"),
    "no such user": (lambda d: d.update(users=[]), "user 'u', which `users`", "kubectl"),
    "users no list": (lambda d: d.update(users={"u": TOKEN}), "`users` of the kubeconfig", "kubectl"),
    "no server": (lambda d: d["clusters"][0]["cluster"].pop("server"), "has no server", "server: https"),
    "no such file": (
        lambda d: d["clusters"][0]["cluster"].update({"certificate-authority": "ca.crt"}),
        "ca.crt, which does not exist",
        "certificate-authority-data",
    ),
    "bad base64": (
        lambda d: d["clusters"][0]["cluster"].update({"certificate-authority-data": "%%%"}),
        "cannot be used",
        "kubectl",
    ),
    "bad key": (
        lambda d: d["users"][0]["user"].update(
            {"client-certificate-data": "YQ==", "client-key-data": base64.b64encode(TOKEN.encode()).decode()}
        ),
        "cannot be used",
        "kubectl",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_broken_kubeconfig_says_what_to_write(tmp_path: Path, case: str) -> None:
    """The message names file and part, the remedy says what to write, and neither shows a credential."""
    change, problem, remedy = CASES[case]
    path = written(tmp_path / "kubeconfig", change)
    with pytest.raises(UsageError) as caught:
        connect(path, None, Side.GREEN)
    assert problem in str(caught.value)
    assert str(path) in str(caught.value)
    assert remedy in caught.value.remedy
    assert TOKEN not in f"{caught.value}{caught.value.remedy}{caught.value.__cause__}"
    assert caught.value.exit_code == 2


def test_a_kubeconfig_that_is_not_there(tmp_path: Path) -> None:
    """A missing file, a folder and a binary are each said to be that, with the side that wanted it."""
    with pytest.raises(UsageError, match="of blue does not exist"):
        connect(tmp_path / "none", None, Side.BLUE)
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        connect(tmp_path, None, Side.BLUE)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="no text"):
        connect(tmp_path / "binary", None, Side.BLUE)


def test_broken_yaml_is_not_quoted(tmp_path: Path) -> None:
    """The line that is wrong may be the token: only its number is shown."""
    (tmp_path / "k").write_text(f"users:\n- token: [{TOKEN}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="is no YAML, line 3") as caught:
        connect(tmp_path / "k", None, Side.BLUE)
    assert TOKEN not in str(caught.value)
    (tmp_path / "empty").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="is empty"):
        connect(tmp_path / "empty", None, Side.BLUE)


def test_a_named_context_is_used(tmp_path: Path) -> None:
    """The context that is asked for wins over the current one, and names the cluster."""

    def change(document: Any) -> None:
        document["contexts"].append({"name": "other", "context": {"cluster": "c", "user": "u"}})

    with connect(written(tmp_path / "k", change), "other", Side.BLUE) as cluster:
        assert cluster.name == "other"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    crt, pem = folder / "tls.crt", folder / "tls.key"
    crt.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return crt, pem


def server_side(crt: Path, pem: Path) -> ssl.SSLContext:
    """The TLS of a server that asks for client certificates, as an API server does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, pem)
    context.load_verify_locations(crt)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def test_a_certificate_of_another_authority_is_refused_at_once(
    door: Open, tmp_path: Path, naps: list[float]
) -> None:
    """Nothing is sent, and nothing is repeated: either the kubeconfig or somebody in between is wrong."""
    crt, pem = certificate(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    with FaultyServer(in_turn(FOUND), tls=server_side(crt, pem)) as server:
        cluster = door(server.url, **{"certificate-authority": str(certificate(other)[0])})
        with pytest.raises(Refused, match=r"certificate of https://127\.0\.0\.1.*is not accepted") as caught:
            cluster.write(create())
    assert caught.value.reason == "Certificate"
    assert not naps
    assert cluster.requests() == 0


def test_client_certificates_leave_no_key_behind(door: Open, tmp_path: Path) -> None:
    """A key out of the kubeconfig is in a file only as long as it is loaded."""
    crt, pem = certificate(tmp_path)
    data = {
        "client-certificate-data": base64.b64encode(crt.read_bytes()).decode(),
        "client-key-data": base64.b64encode(pem.read_bytes()).decode(),
    }
    with FaultyServer(in_turn(FOUND), tls=server_side(crt, pem)) as server:
        cluster = door(server.url, data, **{"certificate-authority": str(crt)})
        assert cluster.get(CONFIG_MAPS, "a", "shop")
        assert len(cluster._access.ca_digest) == 64
    assert not Path(str(cluster._access._configuration.key_file)).exists()


def test_a_new_certificate_leaves_what_is_under_way_alone(door: Open, tmp_path: Path) -> None:
    """Requests on the older connections are answered; those that come next are made with the new one."""
    crt, pem = certificate(tmp_path)
    begun, go_on = threading.Event(), threading.Event()

    def behaviour(received: Received) -> Reply:
        if received.method == "POST":
            begun.set()
            go_on.wait(5)
        return FOUND

    with FaultyServer(behaviour, tls=server_side(crt, pem)) as server:
        cluster = door(server.url, **{"certificate-authority": str(crt)})
        results = cluster.send_many([create("a"), create("b")])
        assert begun.wait(5)
        access = cluster._access
        access._credentials = replace(access.latest, tls=ssl.create_default_context(cafile=str(crt)))
        assert cluster.get(CONFIG_MAPS, "a", "shop")
        go_on.set()
        assert [answer for answer in results if isinstance(answer, Exception)] == []


def test_an_unchecked_certificate_warns_nobody_on_every_request(
    door: Open, tmp_path: Path, recwarn: pytest.WarningsRecorder, capfd: pytest.CaptureFixture[str]
) -> None:
    """insecure-skip-tls-verify is obeyed, and the warnings of the transport stay out of the output."""
    with FaultyServer(in_turn(FOUND), tls=server_side(*certificate(tmp_path))) as server:
        cluster = door(server.url, **{"insecure-skip-tls-verify": True})
        assert cluster.get(CONFIG_MAPS, "a", "shop")
    assert not [w for w in recwarn if "verif" in str(w.message)]
    assert capfd.readouterr() == ("", "")


def test_a_refused_token_stays_refused(serve: Serve, door: Open) -> None:
    """With credentials that did not change there is no second request."""
    server = serve(only("other"))
    with pytest.raises(Unauthorized):
        door(server.url).write(create())
    assert len(server.received) == 1

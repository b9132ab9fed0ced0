"""A green that was there before."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from migrate.errors import Refused, UsageError
from migrate.model.action import State
from migrate.model.migration import ProvisionerSpec
from migrate.provisioners import kinds, provisioner

CONFIG = {
    "clusters": [{"name": "c", "cluster": {"server": "https://192.0.2.1:6443/"}}],
    "contexts": [{"name": "admin", "context": {"cluster": "c", "user": "u"}}],
    "users": [{"name": "u", "user": {"token": "s3cret-token"}}],
    "current-context": "admin",
}


def write(folder: Path, config: object) -> Path:
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def existing(path: Path, folder: Path, context: str | None = None) -> ProvisionerSpec:
    del folder
    return ProvisionerSpec(kind="existing", kubeconfig=str(path), context=context)


def test_the_registry_is_fed_by_the_folder() -> None:
    """Each module of the folder that says its kind can be asked for."""
    assert kinds() == ("command", "existing")


def test_a_kind_that_makes_no_real_cluster_is_refused(tmp_path: Path) -> None:
    """The simulated kind is the simulation's own, and is refused with the kinds there are."""
    with pytest.raises(UsageError) as caught:
        provisioner(ProvisionerSpec(kind="simulated"), directory=tmp_path, name="dc1")
    assert "existing" in caught.value.remedy


def test_a_readable_kubeconfig_is_a_cluster_that_stands(tmp_path: Path) -> None:
    """Its context and server are the evidence; nothing is made."""
    path = write(tmp_path, CONFIG)
    green = provisioner(existing(path, tmp_path), directory=tmp_path, name="dc1")
    found = green.observe()
    assert (found.state, found.kubeconfig) == (State.DONE, path)
    assert "https://192.0.2.1:6443 (context admin)" in found.evidence
    assert not green.makes
    green.create(1.0)
    green.destroy(1.0)
    assert path.exists()


@pytest.mark.parametrize(
    ("config", "context", "words"),
    [
        (None, None, "no kubeconfig"),
        ({**CONFIG, "current-context": ""}, None, "no current-context"),
        (CONFIG, "other", "no context named other"),
        ({**CONFIG, "clusters": []}, None, "no cluster named c"),
        ({**CONFIG, "clusters": [{"name": "c", "cluster": {}}]}, None, "no server"),
        (
            {
                **CONFIG,
                "clusters": [{"name": "c", "cluster": {"server": "x", "certificate-authority": "gone.crt"}}],
            },
            None,
            "cannot be read",
        ),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_absent_with_its_reason(
    tmp_path: Path, config: object, context: str | None, words: str
) -> None:
    """What is missing is named, and creating refuses instead of pretending."""
    path = write(tmp_path, config)
    green = provisioner(existing(path, tmp_path, context), directory=tmp_path, name="dc1")
    found = green.observe()
    assert found.state is State.ABSENT
    assert words in found.evidence
    with pytest.raises(Refused, match="green is said to exist"):
        green.create(1.0)


def test_a_broken_kubeconfig_does_not_leak_what_is_in_it(tmp_path: Path) -> None:
    """The YAML parser's words quote the text: they are not passed on."""
    path = tmp_path / "kubeconfig"
    path.write_text("users:\n- token: s3cret-token\n  x: [", encoding="utf-8")
    evidence = provisioner(existing(path, tmp_path), directory=tmp_path, name="dc1").observe().evidence
    assert "is no YAML" in evidence
    assert "s3cret" not in evidence


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A kubeconfig that is not there is absent, not an exception."""
    spec = existing(tmp_path / "none", tmp_path)
    found = provisioner(spec, directory=tmp_path, name="dc1").observe()
    assert found.state is State.ABSENT
    assert "No such file" in found.evidence


def test_an_existing_cluster_needs_its_kubeconfig(tmp_path: Path) -> None:
    """The file's key is named where it is missing."""
    with pytest.raises(UsageError, match=r"green\.provisioner\.kubeconfig is missing"):
        provisioner(ProvisionerSpec(), directory=tmp_path, name="dc1")

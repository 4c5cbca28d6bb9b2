"""The Docker configuration of an event: the needed credentials, and the operator's own but its sign-ins."""

import base64
import json
import stat
from pathlib import Path

import pytest

from apps.core.secret import Secret
from apps.deployer.docker_config import OperatorConfigUnreadable, docker_config
from apps.registries.models import RegistryCredential

GHCR = RegistryCredential(host="ghcr.io", username="alice", password=Secret("s3cret-of-alice"))
HUB = RegistryCredential(host="docker.io", username="bob", password=Secret("p:ä ss"))


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "operator"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    return folder


def auth(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


def test_it_holds_the_credentials_as_docker_keys_them(operator: Path) -> None:
    with docker_config([GHCR, HUB]) as folder:
        config = json.loads((folder / "config.json").read_text())

    assert config["auths"] == {
        "ghcr.io": auth("alice:s3cret-of-alice"),
        "https://index.docker.io/v1/": auth("bob:p:ä ss"),
    }


def test_it_is_private_and_gone_at_the_end(operator: Path) -> None:
    with docker_config([GHCR]) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "config.json").stat().st_mode) == 0o600
    assert not folder.exists()


def test_it_is_gone_after_an_exception(operator: Path) -> None:
    with pytest.raises(RuntimeError), docker_config([GHCR]) as folder:
        raise RuntimeError
    assert not folder.exists()


def test_the_operators_settings_are_carried_over_without_their_sign_ins(operator: Path) -> None:
    own = {
        "auths": {"quay.io": auth("operator:private")},
        "proxies": {"default": {"httpProxy": "http://proxy:3128"}},
        "currentContext": "far",
        "credHelpers": {"gcr.io": "gcloud"},
        "credsStore": "pass",
    }
    (operator / "config.json").write_text(json.dumps(own))
    for name in ("cli-plugins", "contexts"):
        (operator / name).mkdir()
        (operator / name / "inside").write_text(name)

    with docker_config([GHCR]) as folder:
        config = json.loads((folder / "config.json").read_text())
        assert (folder / "cli-plugins" / "inside").read_text() == "cli-plugins"
        assert (folder / "contexts" / "inside").read_text() == "contexts"

    assert config == {
        "auths": {"ghcr.io": auth("alice:s3cret-of-alice")},
        "proxies": own["proxies"],
        "currentContext": "far",
        # A store would hide the panel's entry; an empty helper for the host lets it through.
        "credHelpers": {"gcr.io": "gcloud", "ghcr.io": ""},
        "credsStore": "pass",
    }
    assert (operator / "contexts" / "inside").exists()


@pytest.mark.parametrize("text", ["{", "[]", "\udcff"])
def test_an_unreadable_configuration_is_refused_in_a_sentence(operator: Path, text: str) -> None:
    (operator / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(OperatorConfigUnreadable, match=r"config\.json cannot be used"), docker_config([]):
        raise AssertionError("it must not get here")


def test_an_operator_without_a_configuration_is_fine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "missing"))

    with docker_config([]) as folder:
        assert json.loads((folder / "config.json").read_text()) == {"auths": {}}

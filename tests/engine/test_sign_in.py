"""The check of a credential: a real sign-in at a real registry, of which nothing stays anywhere."""

import json
from pathlib import Path

import pytest

from apps.core.secret import Secret
from apps.deployer.registry_login import RegistryRefused, check_login
from apps.registries.models import RegistryCredential
from tests.lab.registry import Registry

SPY = """#!/bin/sh
read -r said
echo "$1 $said" >> "{seen}"
echo "credentials not found in native keychain"
exit 1
"""


@pytest.fixture
def credential(registry: Registry) -> RegistryCredential:
    return RegistryCredential(
        host=registry.host, username=registry.username, password=Secret(registry.password)
    )


def test_it_tells_the_right_password_from_a_wrong_one(credential: RegistryCredential) -> None:
    check_login(credential)

    credential.password = Secret("not-the-password")
    with pytest.raises(RegistryRefused, match="refused the credential"):
        check_login(credential)


def test_the_password_never_reaches_the_operators_credential_store(
    credential: RegistryCredential, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any app could pull with what is kept there, also one that the panel's credential is not for."""
    seen = tmp_path / "seen"
    helper = tmp_path / "docker-credential-spy"
    helper.write_text(SPY.replace("{seen}", str(seen)))
    helper.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "spy"}))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    check_login(credential)

    assert registry.password not in (seen.read_text() if seen.exists() else "")
    assert json.loads((tmp_path / "config.json").read_text()) == {"credsStore": "spy"}

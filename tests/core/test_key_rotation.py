"""Rotation of the keys: in one process, and killed in the middle."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.management import CommandError, call_command

from apps.accounts.models import AuditEntry
from apps.applications.models import App, ComposeVersion
from apps.core import key_rotation
from apps.core.fields import EncryptedTextField
from apps.core.key_checks import keys_are_private
from apps.core.key_file import KeyFile
from apps.core.secret import Secret
from apps.registries.models import RegistryCredential
from tests.lab.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
ENVIRONMENT, PASSWORD = "TOKEN=correct-horse-battery\n", "registry-password"


@pytest.fixture
def keys(settings, tmp_path) -> KeyFile:
    path = tmp_path / "encryption_keys"
    path.write_text(Fernet.generate_key().decode() + "\n")
    path.chmod(0o600)
    settings.SIMPLEDEPLOY_ENCRYPTION_KEYS = KeyFile(path)
    return settings.SIMPLEDEPLOY_ENCRYPTION_KEYS


@pytest.fixture
def version(db, keys) -> ComposeVersion:
    app = App.objects.create(slug="shop", name="Shop")
    RegistryCredential.objects.create(host="ghcr.io", username="bob", password=PASSWORD)
    return ComposeVersion.objects.create(
        app=app, number=1, yaml="services: {}", environment=ENVIRONMENT, sha256="a" * 64, author_name="alice"
    )


def _run(*arguments: str) -> str:
    out = StringIO()
    call_command("rotate_keys", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def _tokens() -> set[str]:
    return {token for store in key_rotation.stores() for _pk, token in store.read(0, 1000)}


def test_every_encrypted_field_of_every_model_is_a_store():
    fields = {
        f"{model._meta.db_table}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, EncryptedTextField)
    }
    assert {"compose_versions.environment", "registry_credentials.password"} <= fields
    assert fields <= {store.name for store in key_rotation.stores()}


def test_a_fresh_key_encrypts_everything_and_the_old_one_is_needed_no_more(version, keys):
    (old,) = keys
    before = _tokens()
    out = _run("--new")
    fresh, kept = keys
    assert kept == old
    assert "compose_versions.environment: 1 by the first key, 0 by an older one" in out
    assert not before & _tokens()
    keys.path.write_text(fresh)
    stored = ComposeVersion.objects.get()
    assert stored.environment.reveal() == ENVIRONMENT
    assert RegistryCredential.objects.get().password.reveal() == PASSWORD
    assert stored.sha256 == version.sha256
    entry = AuditEntry.objects.get(action="key.rotated")
    assert json.loads(entry.after) == {"old": 0, "renewed": 2, "unreadable": 0}
    assert fresh not in str(entry.after)


def test_check_changes_nothing_and_tells_of_old_keys(version, keys, capsys):
    assert "1 by the first key, 0 by an older one" in _run("--check")
    keys.put_first(Fernet.generate_key().decode())
    before = _tokens()
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("rotate_keys", "--check", stdout=out, stderr=StringIO())
    assert ended.value.code == 1
    assert "compose_versions.environment: 0 by the first key, 1 by an older one" in out.getvalue()
    assert _tokens() == before


def test_what_no_key_opens_is_told_and_stays(version, keys):
    before = _tokens()
    keys.path.write_text(Fernet.generate_key().decode())
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("rotate_keys", stdout=out, stderr=StringIO())
    assert ended.value.code == 1
    assert (
        "registry_credentials.password: 0 by the first key, 0 by an older one, 1 that no key"
        in out.getvalue()
    )
    assert _tokens() == before
    assert AuditEntry.objects.get(action="key.rotated").outcome == "not everything"


def test_what_somebody_stores_meanwhile_is_not_overwritten(version, keys, monkeypatch):
    keys.put_first(Fernet.generate_key().decode())
    replace = key_rotation.FieldStore.replace

    def replace_late(self, pk, old, new):
        if self.field == "password":
            RegistryCredential.objects.filter(pk=pk).update(password=Secret("changed-meanwhile"))
        return replace(self, pk, old, new)

    monkeypatch.setattr(key_rotation.FieldStore, "replace", replace_late)
    _run()
    assert RegistryCredential.objects.get().password.reveal() == "changed-meanwhile"


def test_another_place_of_tokens_takes_part(version, keys, monkeypatch):
    held = {1: Secret("totp-secret").token()}

    class Held:
        name = "held"

        def read(self, after, limit):
            return [(pk, token) for pk, token in held.items() if pk > after]

        def replace(self, pk, old, new):
            held[pk] = new
            return True

    monkeypatch.setattr(key_rotation, "_others", [])
    key_rotation.also_rotate(Held)
    assert "held: 1 by the first key" in _run("--new")
    assert Fernet(keys[0]).decrypt(held[1]) == b"totp-secret"


def test_keys_of_the_environment_are_not_changed(db, settings):
    settings.SIMPLEDEPLOY_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="come from SIMPLEDEPLOY_ENCRYPTION_KEYS") as refused:
        _run("--new")
    assert refused.value.returncode == 2


def test_a_key_file_is_followed_and_a_spoilt_one_keeps_the_keys(keys, caplog):
    (old,) = keys
    fresh = Fernet.generate_key().decode()
    KeyFile(keys.path).put_first(fresh)
    assert list(keys) == [fresh, old]
    assert keys.path.stat().st_mode & 0o777 == 0o600
    keys.path.write_text("no key")
    assert list(keys) == list(keys) == [fresh, old]
    assert caplog.text.count("key 1 is no Fernet key") == 1
    assert fresh not in caplog.text + repr(keys)


def test_a_key_file_that_others_may_read_is_warned_of(keys):
    assert keys_are_private(None) == []
    keys.path.chmod(0o644)
    (warning,) = keys_are_private(None)
    assert warning.hint == f"chmod 600 {keys.path}"


def test_a_rotation_that_is_killed_goes_on_where_it_was(tmp_path):
    old, fresh = (Fernet.generate_key().decode() for _ in range(2))
    kept = {name: os.environ[name] for name in ("PATH", "HOME")}
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "encryption_keys").write_text(old)
    env = {**kept, "SIMPLEDEPLOY_DATA_DIR": str(data)}

    def manage(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=env,
            text=True,
            capture_output=True,
            **options,
        )

    assert manage("migrate").returncode == 0
    with sqlite3.connect(data / "simpledeploy.sqlite3") as database:
        database.executemany(
            "INSERT INTO registry_credentials (host, username, password, only_apps, created_at, updated_at)"
            " VALUES (?, 'bob', ?, '', '2026-01-01', '2026-01-01')",
            [
                (f"r{n}.example.com", Fernet(old).encrypt(f"password-{n}".encode()).decode())
                for n in range(6000)
            ],
        )

    def stored() -> list[str]:
        with sqlite3.connect(data / "simpledeploy.sqlite3") as database:
            return [
                row[0] for row in database.execute("SELECT password FROM registry_credentials ORDER BY id")
            ]

    before = stored()
    (data / "encryption_keys").write_text(f"{fresh}\n{old}\n")
    running = subprocess.Popen([sys.executable, "manage.py", "rotate_keys"], cwd=ROOT, env=env, stderr=-3)
    wait_until(lambda: stored()[0] != before[0], "the first batch is renewed", every=0.005)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    after = stored()
    renewed = sum(one != other for one, other in zip(before, after, strict=True))
    assert 0 < renewed < 6000
    assert manage("rotate_keys", "--check").returncode == 1

    again = manage("rotate_keys")
    assert again.returncode == 0, again.stderr
    assert "6000 by the first key, 0 by an older one, 0 that no key opens" in again.stdout
    texts = [Fernet(fresh).decrypt(token).decode() for token in stored()]
    assert texts == [f"password-{n}" for n in range(6000)]
    # What the killed one had renewed was not touched again.
    assert sum(one == other for one, other in zip(after, stored(), strict=True)) == renewed

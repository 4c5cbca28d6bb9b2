"""Settings that are refused name their variable and say what they want."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

ROOT = Path(__file__).parent.parent.parent


def manage(data_dir: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME")}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**kept, "SIMPLEDEPLOY_DATA_DIR": str(data_dir), **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIMPLEDEPLOY_MAX_CONCURRENT_DEPLOYS", "0"),
        ("SIMPLEDEPLOY_MAX_CONCURRENT_DEPLOYS", "many"),
        ("SIMPLEDEPLOY_STEP_TIMEOUT", "-1"),
        ("SIMPLEDEPLOY_BIND", "8000"),
        ("SIMPLEDEPLOY_BIND", "127.0.0.1:99999"),
        ("SIMPLEDEPLOY_ENCRYPTION_KEYS", "not-a-key-at-all"),
        ("SIMPLEDEPLOY_SECRET_KEY_FILE", "/no/such/file"),
        ("SIMPLEDEPLOY_DATA_DIR", "/proc/nowhere"),
        ("SIMPLEDEPLOY_TLS", "perhaps"),
        ("SIMPLEDEPLOY_TRUSTED_PROXIES", "proxy.example"),
        ("SIMPLEDEPLOY_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("SIMPLEDEPLOY_TRUSTED_PROXIES", "127.0.0.1,*"),
        ("SIMPLEDEPLOY_SESSION_HOURS", "0"),
    ],
)
def test_a_refused_setting_names_its_variable(tmp_path: Path, name: str, value: str) -> None:
    done = manage(tmp_path, "check", **{name: value})

    assert done.returncode == 2
    assert done.stderr.startswith(f"{name}: ")
    assert "Traceback" not in done.stderr
    assert "not-a-key-at-all" not in done.stderr


def test_a_key_and_its_file_are_not_both_given(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("x")
    done = manage(tmp_path, "check", SIMPLEDEPLOY_SECRET_KEY="a", SIMPLEDEPLOY_SECRET_KEY_FILE=str(file))

    assert done.returncode == 2
    assert "SIMPLEDEPLOY_SECRET_KEY and SIMPLEDEPLOY_SECRET_KEY_FILE are both set" in done.stderr


def test_the_first_start_makes_private_keys_and_the_next_keeps_them(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert manage(data, "check").returncode == 0
    made = {name: (data / name).read_text() for name in ("secret_key", "encryption_keys")}
    assert {oct((data / name).stat().st_mode & 0o777) for name in made} == {"0o600"}
    assert oct(data.stat().st_mode & 0o777) == "0o700"

    assert manage(data, "check").returncode == 0
    assert {name: (data / name).read_text() for name in made} == made


def test_first_starts_at_once_agree_on_one_key(tmp_path: Path) -> None:
    code = (
        "from django.conf import settings; print(settings.SECRET_KEY, settings.SIMPLEDEPLOY_ENCRYPTION_KEYS)"
    )
    kept = {name: os.environ[name] for name in ("PATH", "HOME")}
    env = {
        **kept,
        "SIMPLEDEPLOY_DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "simpledeploy_site.settings",
    }
    starts = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(5)
    ]
    assert len({start.communicate()[0] for start in starts}) == 1


def test_several_keys_are_taken_from_one_variable(tmp_path: Path) -> None:
    keys = ", ".join(Fernet.generate_key().decode() for _ in range(2))

    assert manage(tmp_path, "check", SIMPLEDEPLOY_ENCRYPTION_KEYS=keys).returncode == 0

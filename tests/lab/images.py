"""The images of the lab: one busybox each, made without a builder and without the internet."""

import hashlib
import io
import json
import platform
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.lab.engine import Engine
from tests.lab.requirement import missing

_SECOND = 1_000_000_000  # Docker's healthcheck times are nanoseconds


@dataclass(frozen=True)
class Recipe:
    """What an image runs, as a shell line, and its healthcheck command where it has one."""

    command: str
    healthcheck: list[str] = field(default_factory=list)


RECIPES = {
    # Answers at port 8080 with its own name and tag, like "web 1".
    "web": Recipe("exec httpd -f -p 8080 -h /www"),
    # Healthy START_SECONDS (2) after its start.
    "slow": Recipe(
        "sleep ${START_SECONDS:-2}; exec httpd -f -p 8080 -h /www",
        ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"],
    ),
    # A one-shot: takes JOB_SECONDS (0) and ends with EXIT_CODE (0).
    "job": Recipe(
        'echo "job starts"; sleep ${JOB_SECONDS:-0}; '
        'echo "job ends with ${EXIT_CODE:-0}"; exit ${EXIT_CODE:-0}'
    ),
    # Prints LINES (10000) numbered lines as fast as it can, then stays.
    "chatty": Recipe(
        "awk -v n=${LINES:-10000} 'BEGIN { for (i = 1; i <= n; i++) print \"line \" i }'; "
        "exec sleep 2147483647"
    ),
}


def load_image(engine: Engine, kind: str, reference: str) -> None:
    """Put an image of the `kind` that RECIPES names into the engine, called `reference`.

    Files that tell images apart (/www/index.html) hold the last part of the reference: "web 1".
    """
    label = reference.rsplit("/", 1)[-1].replace(":", " ")
    recipe = RECIPES[kind]
    layer = _layer(label, reference)
    config = json.dumps(
        {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(
                platform.machine(), platform.machine()
            ),
            "os": "linux",
            "created": "2026-01-01T00:00:00Z",
            "config": {
                "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
                "Cmd": ["/bin/sh", "-c", recipe.command],
                "ExposedPorts": {"8080/tcp": {}},
                # The first process of a container ignores SIGTERM, and a stop would take ten seconds.
                "StopSignal": "SIGKILL",
                **(
                    {
                        "Healthcheck": {
                            "Test": recipe.healthcheck,
                            "Interval": _SECOND,
                            "Timeout": 2 * _SECOND,
                            "Retries": 120,
                        }
                    }
                    if recipe.healthcheck
                    else {}
                ),
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
            "history": [{"created": "2026-01-01T00:00:00Z", "created_by": f"lab image {label}"}],
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps(
        [{"Config": config_name, "RepoTags": [reference], "Layers": ["layer.tar"]}]
    ).encode()
    archive = _tar({"layer.tar": layer, config_name: config, "manifest.json": manifest})
    done = subprocess.run([engine.program, "load"], input=archive, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode(errors="replace")


@cache
def _busybox() -> tuple[bytes, list[str]]:
    """Return the static busybox of this machine and the paths of its applets."""
    program = shutil.which("busybox")
    if program is None:
        missing("engine", "there is no `busybox` to make images from (package busybox-static).")
    content = Path(program).read_bytes()
    if b"ld-linux" in content[:4096]:
        missing("engine", "`busybox` is not static: install the package busybox-static.")
    listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True)
    return content, [name for name in listed.stdout.split() if name != "busybox"]


def _layer(label: str, reference: str) -> bytes:
    content, applets = _busybox()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in ("bin", "tmp", "www", "data"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o777 if folder == "tmp" else 0o755
            archive.addfile(entry)
        for name, data, mode in (
            ("bin/busybox", content, 0o755),
            ("www/index.html", label.encode(), 0o644),
            # Two registries at the same time share no layer, so that each pull is a real one.
            ("www/reference", reference.encode(), 0o644),
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            archive.addfile(entry, io.BytesIO(data))
        for applet in applets:
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(entry)
    return buffer.getvalue()


def _tar(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()

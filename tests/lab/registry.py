"""A real registry with a password, on loopback, holding the images of the lab."""

import base64
import json
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import urllib.request
from pathlib import Path
from types import TracebackType

from tests.lab.engine import Engine
from tests.lab.images import load_image
from tests.lab.panel import ROOT
from tests.lab.requirement import missing
from tests.lab.waiting import accepts, free_port, wait_until

# What every registry of the lab holds from its start.
STANDARD_IMAGES = (("web", "1"), ("web", "2"), ("slow", "1"), ("job", "1"), ("chatty", "1"))


# Where script/test unpacks what it does not install.
_UNPACKED = ROOT / ".cache" / "lab" / "usr" / "bin"


class Registry:
    """Debian's docker-registry (Distribution) with basic authentication, as a context manager.

    The engine speaks plain HTTP with registries in 127.0.0.0/8, so no certificate is needed.
    """

    namespace = "demo"

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.username = "alice"
        self.password = f"pw-{secrets.token_urlsafe(18)}"
        self.log_path = folder / "registry.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Registry":
        program, htpasswd = _program("docker-registry"), _program("htpasswd")
        users = subprocess.run(
            [htpasswd, "-niB", self.username],
            input=self.password,
            capture_output=True,
            text=True,
            check=True,
        )
        (self.folder / "htpasswd").write_text(users.stdout)
        config = {
            "version": 0.1,
            "log": {"accesslog": {"disabled": False}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.folder / "images")},
                "delete": {"enabled": True},
            },
            "http": {"addr": self.host, "secret": secrets.token_hex(8)},
            "auth": {"htpasswd": {"realm": "lab", "path": str(self.folder / "htpasswd")}},
        }
        # YAML holds JSON.
        (self.folder / "config.yml").write_text(json.dumps(config))
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [program, "serve", str(self.folder / "config.yml")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            wait_until(
                self._answers, lambda: f"the registry answers; its log: {self.log_path.read_text()[-2000:]}"
            )
            for name, tag in STANDARD_IMAGES:
                self.push(name, tag)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.engine.forget_images_of(self.host)

    def ref(self, name: str, tag: str = "1") -> str:
        """Return the reference of an image in this registry, like 127.0.0.1:5000/demo/web:1."""
        return f"{self.host}/{self.namespace}/{name}:{tag}"

    def push(self, name: str, tag: str = "1", *, kind: str | None = None) -> str:
        """Make an image of `kind` (one of images.RECIPES; default `name`), push it, forget it locally.

        Returns its reference. A later use is a real pull.
        """
        reference = self.ref(name, tag)
        load_image(self.engine, kind or name, reference)
        with tempfile.TemporaryDirectory() as folder:
            self.login_file(Path(folder))
            self.engine.run("push", reference, env={"DOCKER_CONFIG": folder})
        self.engine.forget_image(reference)
        return reference

    def login_file(self, folder: Path) -> Path:
        """Write a Docker configuration that is signed in here into `folder`; return the file."""
        token = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        path = folder / "config.json"
        path.write_text(json.dumps({"auths": {self.host: {"auth": token}}}))
        path.chmod(0o600)
        return path

    def forget_local(self) -> None:
        """Remove this registry's images from the engine, so that the next pulls are real."""
        self.engine.forget_images_of(self.host)

    def lose(self, name: str, digest: str) -> None:
        """Delete the image with `digest` (sha256:...) here, as somebody who tidies a registry does."""
        token = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        request = urllib.request.Request(
            f"http://{self.host}/v2/{self.namespace}/{name}/manifests/{digest}",
            headers={"Authorization": f"Basic {token}"},
            method="DELETE",
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.status == 202, answer.status

    def requests(self) -> list[str]:
        """Return the lines of the access log, oldest first."""
        return [line for line in self.log_path.read_text(errors="replace").splitlines() if " HTTP/1." in line]

    def stop(self) -> None:
        """End the registry's process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"The registry ended: {self.log_path.read_text()[-2000:]}"
        return accepts(self.port)


class StallingRegistry:
    """A registry that accepts every connection and never answers, as a context manager."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._accepted: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, name="stalling registry", daemon=True)

    def __enter__(self) -> "StallingRegistry":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing alone would not wake the thread that waits in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=5)
        self._listener.close()
        for connection in self._accepted:
            connection.close()

    def ref(self, name: str = "web", tag: str = "1") -> str:
        """Return the reference of an image that can never be pulled from here."""
        return f"{self.host}/demo/{name}:{tag}"

    def connections(self) -> int:
        """Return how many connections were made so far."""
        return len(self._accepted)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._accepted.append(connection)


def _program(name: str) -> str:
    path = shutil.which(name) or shutil.which(name, path=str(_UNPACKED))
    if path is None:
        missing(
            "registry",
            f"there is no `{name}` (script/test sees to it; packages docker-registry, apache2-utils).",
        )
    return path

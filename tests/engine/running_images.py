"""What an app's services run."""

from tests.engine.conftest import AppOnPanel


def images_of(app: AppOnPanel) -> dict[str, set[str]]:
    """Return the ids of the images that the containers of each service have."""
    found: dict[str, set[str]] = {}
    for container in app.containers():
        service = container["Config"]["Labels"]["com.docker.compose.service"]
        found.setdefault(service, set()).add(container["Image"])
    return found

"""Plans through the panel's pages, and what they say of ports and externals on a real engine."""

import re
import socket
import uuid
from collections.abc import Iterator

import pytest

from apps.applications.content import Content
from apps.applications.host_rules.rules import EVERYTHING
from apps.deployer.app_folder import AppFolder
from apps.deployer.plan.planning import make_plan
from apps.deployer.runner.subprocess_runner import SubprocessRunner
from tests.engine.conftest import AppOnPanel
from tests.lab.engine import Engine, project_of
from tests.lab.images import load_image
from tests.lab.registry import Registry
from tests.lab.waiting import free_port


@pytest.fixture(scope="module")
def image(engine: Engine) -> Iterator[str]:
    reference = f"plans-{uuid.uuid4().hex[:8]}/web:1"
    load_image(engine, "web", reference)
    yield reference
    engine.forget_image(reference)


def test_a_deploy_from_a_plan_is_refused_once_the_app_has_changed(
    app: AppOnPanel, registry: Registry
) -> None:
    app.sign_in(registry)
    yaml = f"services:\n  web:\n    image: {registry.ref('web')}\n    restart: always\n"
    app.deploy(yaml)
    client, address = app.client, f"/apps/{app.slug}/edit/"
    form = {"compose": yaml + "    labels: {a: b}\n", "environment": "", "note": "", "base": "1", "seen": "1"}

    def fingerprint(page: str) -> str:
        found = re.search(r'name="planned" value="([0-9a-f]{64})"', page)
        assert found, page
        return found[1]

    shown = client.post(address, form | {"intent": "plan"})
    assert shown.status == 200
    assert "labels: a added" in shown.text
    app.engine.run("rm", "--force", f"{app.project}-web-1")

    refused = client.post(address, form | {"planned": fingerprint(shown.text)})
    assert refused.status == 409
    assert "What the deploy would do is no longer what was shown. Nothing was deployed." in refused.text
    assert "<span>Create</span>" in refused.text
    assert app.journal.versions(app.slug) == 1
    assert app.containers() == []

    taken = client.post(address, form | {"planned": fingerprint(refused.text)}, follow=False)
    assert taken.status == 302, taken.text
    event = app.journal.wait_for_end(app.slug)
    assert event["status"] == "succeeded"
    assert event["plan"]["summary"] == "create web"


def test_ports_and_names_that_others_hold_are_told_with_who_holds_them(engine: Engine, image: str) -> None:
    name, held = f"plan-holder-{uuid.uuid4().hex[:6]}", free_port()
    engine.run("run", "--detach", "--name", name, "--publish", f"127.0.0.1:{held}:8080", image)
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            listened = server.getsockname()[1]
            ports = [f"127.0.0.1:{held}:80", f"{listened}:80", f"127.0.0.2:{held}:80", f"{held}:80/udp"]
            yaml = f"services:\n  web:\n    image: {image}\n    container_name: {name}\n    ports: {ports}\n"
            found = make_plan(
                Content.read(yaml), "no-such-app", SubprocessRunner(), host_rules=EVERYTHING, current=None
            )
    finally:
        engine.run("rm", "--force", name)
    holder = f"container {name}, which is not the panel's"
    assert [(clash.what, clash.holder.partition(" (process")[0]) for clash in found.clashes[:1]] == [
        (f"port 127.0.0.1:{held}/tcp", holder)
    ]
    assert [clash.what for clash in found.clashes[1:]] == [f"port {listened}/tcp", f"container name {name}"]
    assert "on this machine" in found.clashes[1].holder
    assert found.clashes[2].holder == holder


def test_what_is_external_and_not_there_is_told_in_composes_words_too_and_nothing_is_made(
    engine: Engine, image: str
) -> None:
    yaml = f"services:\n  web:\n    image: {image}\n    networks: [far]\n"
    yaml += "    volumes: [data:/data]\nvolumes: {data: {}}\n"
    yaml += "networks:\n  far: {external: true, name: no-such-network}\n"
    slug = f"none-{uuid.uuid4().hex[:8]}"
    found = make_plan(Content.read(yaml), slug, SubprocessRunner(), host_rules=EVERYTHING, current=None)
    project = project_of(slug)
    assert engine.containers(project) + engine.networks(project) + engine.volumes(project) == []
    assert not AppFolder(slug).path.exists()
    assert [(one.name, str(one.action)) for one in found.networks] == [("no-such-network", "missing")]
    assert "no-such-network" in found.failure
    assert not found.rehearsed


def test_a_plan_does_not_wait_for_what_it_does_not_start(image: str) -> None:
    yaml = (
        f"services:\n  web:\n    image: {image}\n    depends_on:\n"
        "      job: {condition: service_completed_successfully}\n      slow: {condition: service_healthy}\n"
        f"  job: {{image: '{image}'}}\n"
        f"  slow: {{image: '{image}', healthcheck: {{test: [CMD, 'false']}}}}\n"
    )
    found = make_plan(
        Content.read(yaml), "no-such-app", SubprocessRunner(), host_rules=EVERYTHING, current=None
    )
    assert found.summary == "create job, create slow, create web"
    assert found.rehearsed, "Compose's dry run came to its end"

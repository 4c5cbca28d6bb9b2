"""axe finds nothing on any page, wide and narrow, light and dark."""

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.browser.pages import sign_in
from tests.lab.engine import ProjectCleanup
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry
from tests.lab.waiting import wait_until

PAGES = [
    "/",
    "/apps/new/",
    "/apps/new/?example",
    "/apps/{slug}/",
    "/apps/{slug}/edit/",
    "/apps/{slug}/edit/?from=disk",
    "/apps/{slug}/redeploy/",
    "/apps/{slug}/environment/",
    "/apps/{slug}/versions/",
    "/apps/{slug}/versions/1/",
    "/apps/{slug}/versions/1/rollback/",
    "/apps/{slug}/settings/",
    "/apps/{slug}/remove/",
    "/events/",
    "/events/1/",
    "/events/2/",
    "/events/3/",
    "/events/4/",
    "/events/4/approval/",
    "/engine/projects/",
    "/registries/",
    "/registries/add/",
    "/registries/1/",
    "/engine/prune/",
    "/account/",
    "/account/password/",
    "/account/sessions/",
    "/account/tokens/",
    "/account/confirm/",
    "/account/second-factor/",
    "/account/second-factor/app/",
    "/account/second-factor/keys/add/",
    "/invitations/",
    "/apps/no-such-app/",
]
WIDE, NARROW = (1280, 800), (375, 812)


@pytest.fixture
def filled(
    panel: PanelProcess,
    registry: Registry,
    compose_project_cleanup: ProjectCleanup,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[PanelProcess, str]:
    """A panel with a credential, and an app with a deploy, one that fails in pull and one in verify.

    Somebody has edited its file. It is protected by now, and its removal waits for approval.
    """
    slug = compose_project_cleanup.slug("axe")
    words = ("registry", "add", registry.host, "--username", registry.username)
    panel.manage(*words, input=registry.password, check=True)
    file = tmp_path_factory.mktemp("axe") / "compose.yml"
    job = f"{{image: {registry.ref('job')}, restart: 'no', environment: {{EXIT_CODE: '3'}}}}"
    broken = f"{{image: {registry.ref('web', 'no-such-tag')}}}"
    for service, code in ((f"{{image: {registry.ref('web')}}}", 0), (broken, 1), (job, 1)):
        file.write_text(f"services: {{web: {service}}}\n")
        assert panel.manage("app", "deploy", slug, "--file", str(file)).returncode == code
    edited = panel.apps_dir / slug / "docker-compose.yml"
    edited.write_text(edited.read_text() + "  more: {image: web}\n")
    client = panel.client()
    wait_until(lambda: 'id="drift"' in client.get(f"/apps/{slug}/").text, "the page shows the difference")
    settings = {"name": slug, "verify_timeout": "60", "calm_seconds": "1", "protected": "on"}
    assert client.post(f"/apps/{slug}/settings/", settings, follow=False).status == 302
    panel.manage("app", "remove", slug, "--detach", check=True)
    return panel, slug


def test_axe_finds_nothing(browser: Browser, filled: tuple[PanelProcess, str]) -> None:
    panel, slug = filled
    axe = Axe()
    found = []
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for width, height in (WIDE, NARROW):
        for scheme in schemes:
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            page = context.new_page()
            page.goto(f"{panel.url}/login/")
            found += [f"/login/ {width} {scheme}: {v['id']}" for v in axe.run(page).response["violations"]]
            sign_in(page, panel)
            for path in PAGES:
                page.goto(panel.url + path.format(slug=slug))
                for violation in axe.run(page).response["violations"]:
                    where = [node["html"][:120] for node in violation["nodes"]][:3]
                    found.append(f"{path} {width} {scheme}: {violation['id']} {where}")
                if path.endswith("/edit/"):
                    page.get_by_role("button", name="Show plan").click()
                    page.locator(".plan").wait_for()
                    for violation in axe.run(page).response["violations"]:
                        found.append(f"{path} with its plan {width} {scheme}: {violation['id']}")
                overflow = page.evaluate("document.documentElement.scrollWidth > innerWidth")
                if overflow:
                    found.append(f"{path} {width} {scheme}: scrolls sideways")
            context.close()
    assert found == []

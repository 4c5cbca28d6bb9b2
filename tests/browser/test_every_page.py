"""Every page, wide and narrow, light and dark: axe finds nothing, it is small, asks nobody else."""

import pytest
from playwright.sync_api import Browser

from tests.authorization.routes import ROUTES
from tests.browser.pages import sign_in
from tests.browser.walk import FIRST_LOAD, Walk
from tests.lab.engine import ProjectCleanup
from tests.lab.panel import PanelProcess
from tests.lab.registry import Registry
from tests.lab.waiting import wait_until

# The addresses of each route that is a page, some with a form of their own.
PAGES: dict[str, tuple[str, ...]] = {
    "apps": ("/",),
    "app-new": ("/apps/new/", "/apps/new/?example"),
    "app": ("/apps/{slug}/",),
    "app-edit": ("/apps/{slug}/edit/", "/apps/{slug}/edit/?from=disk"),
    "app-redeploy": ("/apps/{slug}/redeploy/",),
    "app-environment": ("/apps/{slug}/environment/",),
    "app-versions": ("/apps/{slug}/versions/",),
    "version": ("/apps/{slug}/versions/1/",),
    "version-rollback": ("/apps/{slug}/versions/1/rollback/",),
    "app-access": ("/apps/{slug}/access/",),
    "app-host-rules": ("/apps/{slug}/host-rules/",),
    "app-logs": ("/apps/{slug}/logs/",),
    "app-console": ("/apps/{slug}/console/",),
    "app-settings": ("/apps/{slug}/settings/",),
    "app-remove": ("/apps/{slug}/remove/",),
    "events": ("/events/", "/events/?app={slug}&text=x", "/events/?person=admin"),
    "event": ("/events/1/", "/events/2/", "/events/3/", "/events/4/"),
    "event-retry": ("/events/3/retry/",),
    "event-approval": ("/events/4/approval/",),
    "engine-prune": ("/engine/prune/",),
    "projects": ("/engine/projects/",),
    "host-rules": ("/engine/host-rules/",),
    "settings": ("/settings/",),
    "settings-disk": ("/settings/disk/",),
    "settings-check": ("/settings/check/",),
    "templates": ("/templates/",),
    "template": ("/templates/gitea/",),
    "template-save": ("/apps/{slug}/template/",),
    "template-own": ("/templates/own/1/",),
    "template-edit": ("/templates/own/1/edit/",),
    "template-remove": ("/templates/own/1/remove/",),
    "registries": ("/registries/",),
    "registry-add": ("/registries/add/",),
    "registry-change": ("/registries/1/",),
    "registry-remove": ("/registries/1/remove/",),
    "account": ("/account/",),
    "account_change_password": ("/account/password/",),
    "account-sessions": ("/account/sessions/",),
    "tokens": ("/account/tokens/",),
    "account_reauthenticate": ("/account/confirm/",),
    "mfa_index": ("/account/second-factor/",),
    "mfa_activate_totp": ("/account/second-factor/app/",),
    "mfa_add_webauthn": ("/account/second-factor/keys/add/",),
    "invitations": ("/invitations/",),
}
NO_PAGES = {
    "account_login": "looked at by itself, signed out",
    "app-row": "a part of a page",
    "app-edit-news": "a part of a page",
    "app-logs-download": "a text file",
    "event-status": "a part of a page",
    "event-pull": "a part of a page",
    "event-log": "a text file",
    "events-export": "a file",
    "healthz": "for machines",
    "version-file": "a text file",
    "texts": "for scripts",
    "mfa_authenticate": "needs a second factor: tests/browser/test_security_key.py",
    "mfa_reauthenticate": "needs a second factor: tests/browser/test_security_key.py",
    "mfa_reauthenticate_webauthn": "for a script of that page",
    "mfa_generate_recovery_codes": "needs a second factor: tests/browser/test_security_key.py",
    "project-adopt": "needs a foreign project: tests/engine/test_adopt.py",
}
# The editor's code is not held to the limit of other pages.
EDITORS = ("app-new", "app-edit")


def test_every_route_is_looked_at() -> None:
    readable = {name for name, route in ROUTES.items() if "GET" in route.methods}
    assert readable - PAGES.keys() - NO_PAGES.keys() == set()
    assert (PAGES.keys() | NO_PAGES.keys()) - readable == set()


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
    asked = {"variables-TOTAL_FORMS": "1", "variables-INITIAL_FORMS": "0"}
    asked |= {"variables-0-name": "KEY", "variables-0-kind": "secret"}
    saved = {"name": "Ours", "compose": "services: {web: {image: nginx}}"} | asked
    assert client.post(f"/apps/{slug}/template/", saved, follow=False).status == 302
    settings = {"name": slug, "verify_timeout": "60", "calm_seconds": "1", "protected": "on"}
    assert client.post(f"/apps/{slug}/settings/", settings, follow=False).status == 302
    panel.manage("app", "remove", slug, "--detach", check=True)
    return panel, slug


def test_nothing_is_wrong_with_any_page(browser: Browser, filled: tuple[PanelProcess, str]) -> None:
    panel, slug = filled
    with browser.new_context() as context:
        page = context.new_page()
        walk = Walk(page)
        walk.visit(panel.url, "/login/")
        sign_in(page, panel)
        for name, paths in PAGES.items():
            for path in paths:
                limit = None if name in EDITORS else FIRST_LOAD
                walk.visit(panel.url, path.format(slug=slug), name=name, limit=limit)
                if path == "/apps/{slug}/edit/":
                    page.get_by_role("button", name="Show plan").click()
                    page.locator(".plan").wait_for()
                    walk.look("with its plan")
        walk.visit(panel.url, "/apps/no-such-app/", status=404)
    assert "\n".join(walk.found) == ""

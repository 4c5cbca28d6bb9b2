"""The README's pictures: a panel with real apps on the engine, as a browser shows it."""

import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.lab.browser import open_browser
from tests.lab.engine import Engine, ProjectCleanup, project_of
from tests.lab.journal import Journal
from tests.lab.panel import PASSWORD, ROOT, USERNAME, PanelProcess, make_template
from tests.lab.registry import Registry
from tests.lab.waiting import wait_until

WIDE, NARROW = (1280, 800), (390, 844)
# The addresses of what can be shown.
PAGES = {
    "apps": "/",
    "app": "/apps/shop/",
    "event": "/events/{event}/",
    "event-failed": "/events/4/",
    "retry": "/events/4/retry/",
    "edit": "/apps/shop/edit/",
    "versions": "/apps/shop/versions/",
    "versions-inline": "/apps/shop/versions/?view=inline",
    "events": "/events/",
    "registries": "/registries/",
    "new": "/apps/new/",
    "version": "/apps/shop/versions/1/",
    "remove": "/apps/shop/remove/",
    "settings": "/apps/shop/settings/",
    "access": "/apps/shop/access/",
    "host-rules": "/apps/shop/host-rules/",
    "environment": "/apps/shop/environment/",
    "account": "/account/",
    "tokens": "/account/tokens/",
    "sessions": "/account/sessions/",
    "second-factor": "/account/second-factor/",
    "invitations": "/invitations/",
    "host-rules-of-all": "/engine/host-rules/",
    "audit": "/admin/accounts/auditentry/",
    "drift": "/apps/blog/",
    "rollback": "/apps/shop/versions/1/rollback/",
    "templates": "/templates/",
    "template": "/templates/gitea/",
    "template-save": "/apps/shop/template/",
    "prune": "/engine/prune/",
    "logs": "/apps/shop/logs/",
    "console": "/apps/shop/console/",
    "hub": "/settings/",
    "check": "/settings/check/",
    "disk": "/settings/disk/",
}

# What comes by a WebSocket and belongs to the picture.
LIVE = {"app": ".usage-line", "edit": ".cm-content", "logs": ".log-line", "console": ".xterm-rows"}


def main(target: Path, names: list[str]) -> None:
    """Write NAME-wide.png, NAME-narrow.png and their dark twins for the pages of `names` (all: every page).

    Without names it is the pictures of the README alone, which show on a phone what fits its screen.
    """
    target.mkdir(parents=True, exist_ok=True)
    engine = Engine.find()
    cleanup = ProjectCleanup(engine)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "registry").mkdir()
        panel = PanelProcess(folder / "panel", make_template(folder / "template"))
        try:
            with Registry(engine, folder / "registry") as registry, open_browser() as browser:
                for slug in ("shop", "blog", "wiki", "jobs"):
                    cleanup.add(project_of(slug))
                panel.start()
                fill(panel, registry, folder)
                shoot(browser, panel, target, list(PAGES) if names == ["all"] else names)
        finally:
            cleanup.remove_all()
            panel.clean_up()


def fill(panel: PanelProcess, registry: Registry, folder: Path) -> None:
    """Deploy a few apps: one with two versions, one that differs, one that failed, one stopped."""

    def deploy(slug: str, yaml: str, *words: str) -> None:
        (folder / "compose.yml").write_text(yaml)
        panel.manage("app", "deploy", slug, "--file", str(folder / "compose.yml"), *words)

    words = ("registry", "add", registry.host, "--username", registry.username)
    panel.manage(*words, input=registry.password, check=True)
    (folder / "env").write_text("DATABASE_URL=postgres://shop:p4ssw0rd@db/shop\nGREETING=hello\n")
    with_env = ("--env-file", str(folder / "env"))
    shop = f"""services:
  web:
    image: {registry.ref("web", "{tag}")}
    restart: unless-stopped
    environment: [GREETING, DATABASE_URL]
    ports: ["127.0.0.1:18080:8080"]
    depends_on:
      db: {{condition: service_healthy}}
      migrate: {{condition: service_completed_successfully}}
  migrate:
    image: {registry.ref("job")}
  db:
    image: {registry.ref("slow")}
    environment: {{START_SECONDS: "0"}}
    volumes: ["data:/data"]
volumes:
  data: {{}}
"""
    deploy("shop", shop.replace("{tag}", "1"), *with_env, "--message", "First deploy")
    deploy("shop", shop.replace("{tag}", "2"), "--message", "Take release 2")
    deploy("blog", f"services: {{web: {{image: {registry.ref('web')}, restart: always}}}}\n")
    deploy("wiki", f"services: {{web: {{image: {registry.ref('web', '9')}}}}}\n")
    deploy("jobs", f"services: {{web: {{image: {registry.ref('web')}, restart: always}}}}\n")
    panel.manage("app", "stop", "jobs")
    panel.manage("shell", "-c", _PEOPLE, check=True)
    edited = panel.apps_dir / "blog" / "docker-compose.yml"
    edited.write_text(edited.read_text().replace("restart: always", "restart: always, read_only: true"))
    client = panel.client()
    wait_until(lambda: 'id="drift"' in client.get("/apps/blog/").text, "blog differs")


# People and teams as a page shows them; the panel's own commands make none.
_PEOPLE = """
from django.contrib.auth.models import Group
from apps.accounts.models import Grant, User
from apps.applications.models import App
shop, team = App.objects.get(slug="shop"), Group.objects.create(name="on-call")
Grant.objects.create(team=team, app=None, role="operator", given_by="admin")
for name, role in (("olga", "owner"), ("devi", "deployer"), ("vera", "viewer")):
    user = User.objects.create_user(name)
    team.user_set.add(user)
    Grant.objects.create(user=user, app=shop, role=role, given_by="admin")
"""


def shoot(browser: Browser, panel: PanelProcess, target: Path, names: list[str]) -> None:
    readme = set(re.findall(r"docs/images/([a-z-]+)\.png", (ROOT / "README.md").read_text()))
    event = next(e["id"] for e in reversed(Journal(panel).events("shop")))
    for width, size in (("wide", WIDE), ("narrow", NARROW)):
        for scheme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": size[0], "height": size[1]},
                color_scheme="dark" if scheme == "dark" else "light",
                device_scale_factor=1,
            )
            page = context.new_page()
            sign_in(page, panel)
            form = f"-{width}-dark" if scheme == "dark" else f"-{width}"
            for name in names or [name for name in PAGES if f"{name}{form}" in readme]:
                page.goto(panel.url + PAGES[name].format(event=event))
                page.wait_for_load_state("networkidle")
                if name == "console":
                    page.get_by_role("button", name="Open").click()
                if name in LIVE:
                    page.locator(LIVE[name]).first.wait_for()
                page.screenshot(
                    path=target / f"{name}{form}.png", full_page=width == "narrow" and bool(names)
                )
            context.close()


def sign_in(page: Page, panel: PanelProcess) -> None:
    page.goto(panel.url + "/login/")
    page.fill("input[name=username]", USERNAME)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(panel.url + "/")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

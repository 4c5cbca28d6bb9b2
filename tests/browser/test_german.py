"""The panel in another language, as a person meets it: from the sign-in page to an app that runs."""

import re
import urllib.request

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.lab.engine import ProjectCleanup
from tests.lab.panel import PASSWORD, USERNAME, PanelProcess
from tests.lab.registry import Registry
from tests.lab.waiting import free_port

# Words that stand on English pages and in no German text.
ENGLISH = re.compile(r"\b(the|and|with|your|this|settings|events|running|succeeded|ago|services are)\b", re.I)
# What no language changes: code, what Docker says, what was written down as it happened.
QUOTED = "pre, code, textarea, .log-pane, [data-event-log], .cm-editor"


def expect_german(page: Page) -> None:
    """Expect no English word on the page, and nothing for axe to find."""
    expect(page.locator("html")).to_have_attribute("lang", "de")
    words = page.evaluate(
        """quoted => {
            const copy = document.querySelector("main").cloneNode(true);
            for (const one of copy.querySelectorAll(quoted)) one.remove();
            document.body.append(copy);
            const said = copy.innerText;
            copy.remove();
            return said;
        }""",
        QUOTED,
    )
    assert words.strip()
    assert not ENGLISH.search(words), ENGLISH.search(words)
    assert Axe().run(page).response["violations"] == []


def test_somebody_who_chose_german_deploys_an_app_in_german(
    page: Page, panel: PanelProcess, registry: Registry, compose_project_cleanup: ProjectCleanup
) -> None:
    slug, port = compose_project_cleanup.slug("laden"), free_port()
    words = ("registry", "add", registry.host, "--username", registry.username)
    panel.manage(*words, input=registry.password, check=True)
    image = registry.ref("web")

    page.goto(f"{panel.url}/login/")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_role("heading", name="Anmelden")).to_be_visible()
    expect_german(page)

    # The choice outlives the sign-in.
    page.get_by_label("Benutzername").fill(USERNAME)
    page.get_by_label("Passwort").fill(PASSWORD)
    page.get_by_role("button", name="Anmelden").click()
    expect(page.get_by_role("heading", name="Noch keine Apps")).to_be_visible()
    expect_german(page)

    # A mistake is told at its line.
    page.goto(f"{panel.url}/apps/new/")
    page.get_by_label("Name", exact=True).fill(slug)
    yaml = f'services:\n  web:\n    image: {image}\n    ports: ["127.0.0.1:{port}:8080"]\n'
    page.get_by_label("Compose-Datei").fill(yaml.replace("ports", "portz"))
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.locator(".field-errors")).to_contain_text("Zeile 4, Spalte 5: Compose lehnt die Datei ab:")
    expect(page.locator(".field-errors")).to_contain_text("Die Schreibweise des Schlüssels")
    page.get_by_label("Compose-Datei").fill(yaml)
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page).to_have_url(re.compile(r"/events/\d+/$"))
    expect(page.locator("#event-status .state-large")).to_have_text("Erfolgreich", timeout=60_000)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        assert answer.status == 200
    expect_german(page)

    # What scripts say: the age of an event grows while one looks.
    page.goto(panel.url)
    expect(page.locator(f"[data-live-app={slug}] .cell-state")).to_have_text("Läuft")
    expect(page.locator("time.ago").first).to_have_text(re.compile(r"gerade eben|vor \d+ (Sekunde|Minute)n?"))
    expect_german(page)

    # The event itself was written down in English, for whoever reads it next.
    listed = panel.manage("app", "events", slug, check=True).stdout
    assert "succeeded" in listed
    assert "Erfolgreich" not in listed

    page.locator(".account-menu summary").click()
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator(f"[data-live-app={slug}] .cell-state")).to_have_text("Up")

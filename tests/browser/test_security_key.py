"""A security key, as chromium's virtual authenticator plays one: added, used, confirmed with, removed."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.lab.panel import PASSWORD, USERNAME, PanelProcess


def plug_in(page: Page) -> None:
    """Give the page's browser a key that is touched whenever it is asked."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "hasUserVerification": True, "isUserVerified": True}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def give_password(page: Page, url: str) -> None:
    page.goto(f"{url}/login/")
    page.get_by_label("Username").fill(USERNAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_a_key_signs_in_and_confirms(page: Page, panel_process: Callable[..., PanelProcess]) -> None:
    # Who lacks one is led to it, and what has to be confirmed is confirmed by it.
    panel = panel_process(environment={"SIMPLEDEPLOY_REQUIRE_SECOND_FACTOR": "administrators"})
    url = panel.url.replace("127.0.0.1", "localhost")  # an address has no security keys
    plug_in(page)

    give_password(page, url)
    expect(page).to_have_url(f"{url}/account/second-factor/")
    page.get_by_role("link", name="Add a key").click()
    page.get_by_role("button", name="Add the key").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("Key 1")).to_be_visible()
    page.goto(f"{url}/")
    expect(page.get_by_role("heading", name="Apps", exact=True)).to_be_visible()

    page.context.clear_cookies()
    give_password(page, url)
    expect(page).to_have_url(f"{url}/login/second-factor/")
    page.get_by_role("button", name="Use a security key").click()
    expect(page).to_have_url(f"{url}/")

    page.goto(f"{url}/account/confirm/key/?next=/registries/add/")
    page.get_by_role("button", name="Use a security key").click()
    expect(page).to_have_url(f"{url}/registries/add/")

    page.goto(f"{url}/account/second-factor/")
    page.get_by_role("link", name="Remove Key 1").click()
    page.get_by_role("button", name="Remove the key").click()
    expect(page.get_by_text("This panel requires a second factor of you")).to_be_visible()
    page.goto(f"{url}/registries/")
    expect(page).to_have_url(f"{url}/account/second-factor/")

"""What Compose said a moment ago."""

from collections.abc import Iterator

import pytest

from apps.applications.content import Content
from apps.deployer.check import Checked
from apps.deployer.plan import recent_checks

CONTENT = Content("services: {}\n")


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    recent_checks.forget_all()
    yield
    recent_checks.forget_all()


def test_it_is_found_for_the_same_app_content_and_pins_alone() -> None:
    checked = Checked(services=["web"])
    recent_checks.keep("shop", CONTENT, checked)
    assert recent_checks.find("shop", CONTENT) is checked
    assert recent_checks.find("tea", CONTENT) is None
    assert recent_checks.find("shop", Content("services: {}\n", "A=1\n")) is None
    assert recent_checks.find("shop", CONTENT, "pins") is None


def test_it_is_forgotten_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    recent_checks.keep("shop", CONTENT, Checked())
    now[0] += 59
    assert recent_checks.find("shop", CONTENT)
    now[0] += 2
    assert recent_checks.find("shop", CONTENT) is None


def test_a_large_file_is_not_kept() -> None:
    large = Content("services: {}\n" + "#" * 100_000)
    recent_checks.keep("shop", large, Checked())
    assert recent_checks.find("shop", large) is None


def test_only_the_last_few_are_kept() -> None:
    for number in range(50):
        recent_checks.keep(f"app-{number}", CONTENT, Checked())
    assert recent_checks.find("app-29", CONTENT) is None
    assert recent_checks.find("app-30", CONTENT)

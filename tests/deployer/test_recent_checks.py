"""What Compose said a moment ago."""

from collections.abc import Iterator

import pytest

from apps.applications.content import Content
from apps.applications.host_rules.rules import EVERYTHING, NOTHING
from apps.deployer.check import Checked
from apps.deployer.plan import recent_checks

CONTENT = Content("services: {}\n")


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    recent_checks.forget_all()
    yield
    recent_checks.forget_all()


def test_it_is_found_for_the_same_app_content_pins_and_person_alone() -> None:
    checked = Checked(services=["web"])
    recent_checks.keep("shop", CONTENT, checked, NOTHING)
    assert recent_checks.find("shop", CONTENT, NOTHING) is checked
    # What one person may ask of the host says nothing of another.
    assert recent_checks.find("shop", CONTENT, EVERYTHING) is None
    assert recent_checks.find("tea", CONTENT, NOTHING) is None
    assert recent_checks.find("shop", Content("services: {}\n", "A=1\n"), NOTHING) is None
    assert recent_checks.find("shop", CONTENT, NOTHING, "pins") is None


def test_it_is_forgotten_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    recent_checks.keep("shop", CONTENT, Checked(), NOTHING)
    now[0] += 59
    assert recent_checks.find("shop", CONTENT, NOTHING)
    now[0] += 2
    assert recent_checks.find("shop", CONTENT, NOTHING) is None


def test_a_large_file_is_not_kept() -> None:
    large = Content("services: {}\n" + "#" * 100_000)
    recent_checks.keep("shop", large, Checked(), NOTHING)
    assert recent_checks.find("shop", large, NOTHING) is None


def test_only_the_last_few_are_kept() -> None:
    for number in range(50):
        recent_checks.keep(f"app-{number}", CONTENT, Checked(), NOTHING)
    assert recent_checks.find("app-29", CONTENT, NOTHING) is None
    assert recent_checks.find("app-30", CONTENT, NOTHING)

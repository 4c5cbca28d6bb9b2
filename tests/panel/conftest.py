"""Fixtures of the panel's tests."""

from collections.abc import Callable

import pytest
from django.test import Client

from apps.accounts.models import Role, User
from tests.accounts.people import make_person
from tests.panel.fake_engine import FakeEngine


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """An engine and a Compose that accept everything, for pages that ask them."""
    return FakeEngine.put_in_place(monkeypatch)


@pytest.fixture
def person(db: None, client: Client) -> Callable[[str], User]:
    """Sign somebody of a role in at `client`: `person(Role.DEPLOYER)`; "" is somebody without a role."""

    def sign_in(role: str) -> User:
        user = make_person(f"a-{Role(role).value if role else 'nobody'}", role)
        client.force_login(user)
        return user

    return sign_in

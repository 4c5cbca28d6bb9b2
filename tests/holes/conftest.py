"""Fixtures of the tests of published holes."""

import pytest
from django.test import Client

from apps.accounts.models import Role
from tests.accounts.people import make_person
from tests.authorization.things import Things, own_and_foreign
from tests.panel.fake_engine import FakeEngine


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """An engine and a Compose that accept everything."""
    return FakeEngine.put_in_place(monkeypatch)


@pytest.fixture
def things(db: None, client: Client, fake_engine: FakeEngine) -> Things:
    """One of everything that an address can name; an administrator is signed in at `client`."""
    own, _foreign = own_and_foreign()
    client.force_login(make_person("root", Role.ADMINISTRATOR))
    return own

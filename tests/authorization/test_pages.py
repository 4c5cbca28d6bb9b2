"""Every address × everybody × their own and a foreign object: what one may not see is not there (404), what
one may see but not do is refused (403), and an address that the table does not know fails."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Grant, Role, User
from apps.applications.models import App, ComposeVersion
from apps.deployer.runner.interface import CommandResult, Outcome
from apps.deployer.runner.subprocess_runner import SubprocessRunner
from apps.deployments.models import DeployEvent
from apps.registries.models import RegistryCredential
from tests.authorization.people import VISITORS, Visitor
from tests.authorization.routes import ROUTES, On, Route, patterns
from tests.authorization.things import Things, own_and_foreign
from tests.panel.fake_engine import FakeEngine

pytestmark = pytest.mark.django_db

METHODS = ("GET", "POST")
KEPT = (App, ComposeVersion, DeployEvent, Grant, RegistryCredential, User)
# Neither depends on who comes: a panel that has an account has no set-up, and whoever signs out is led to
# the sign-in. A token is on no app: its own person revokes it, or an administrator. The second
# factors that one has not got are not there.
ELSEWHERE = {
    "setup": "tests/panel/test_setup.py",
    "account_logout": "tests/panel/test_login.py",
    "oidc-begin": "tests/panel/test_oidc.py",
    "oidc-callback": "tests/panel/test_oidc.py",
    "join": "tests/panel/test_invitations.py",
    "mfa_deactivate_totp": "tests/panel/test_second_factor.py",
    "mfa_remove_webauthn": "tests/panel/test_second_factor.py",
    "mfa_view_recovery_codes": "tests/panel/test_second_factor.py",
    "token-revoke": "tests/panel/test_view_tokens.py",
}

THROUGH, SIGN_IN, HIDDEN, REFUSED, NO_SUCH_METHOD = "through", "sign in", "hidden", "refused", "no method"


def outcome(response: HttpResponse) -> str:
    """Return what an answer says to whoever asked."""
    if response.status_code == 302 and response["Location"].startswith(("/login/", "/admin/login/")):
        return SIGN_IN
    return {401: SIGN_IN, 403: REFUSED, 404: HIDDEN, 405: NO_SUCH_METHOD}.get(response.status_code, THROUGH)


def expected(route: Route, method: str, visitor: Visitor, *, own: bool) -> str:
    """Return what the table says of a request."""
    if route.on != On.NOTHING and not visitor.signed_in:
        return SIGN_IN
    if method not in route.methods:
        return NO_SUCH_METHOD
    if route.on in (On.NOTHING, On.SELF):
        return THROUGH
    if route.on == On.PANEL:
        return THROUGH if visitor.has(route.role, own=False) else REFUSED
    if route.on == On.ANY_APP:
        return THROUGH if visitor.has(route.role, own=True) else REFUSED
    if not visitor.has(Role.VIEWER, own=own):
        return HIDDEN
    return THROUGH if visitor.has(route.role, own=own) else REFUSED


def counts() -> tuple[int, ...]:
    # One question, as it is asked some thousand times.
    tables = ", ".join(f'(SELECT COUNT(*) FROM "{model._meta.db_table}")' for model in KEPT)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {tables}")
        row: tuple[int, ...] = cursor.fetchone()
    return row


@pytest.fixture
def things(db: None, monkeypatch: pytest.MonkeyPatch) -> tuple[Things, Things]:
    FakeEngine.put_in_place(monkeypatch)
    # What else would ask an engine finds none: whoever is let through is told so.
    no_engine = CommandResult(127, outcome=Outcome.NOT_STARTED)
    monkeypatch.setattr(SubprocessRunner, "run", lambda *args, **kwargs: no_engine)
    return own_and_foreign()


def requests(route: Route) -> Iterator[tuple[str, bool]]:
    for method in METHODS:
        yield from ((method, own) for own in ((True, False) if route.on == On.APP else (True,)))


def test_the_table_knows_every_address() -> None:
    found = {name for name, _pattern in patterns() if not name.startswith("admin:")}
    assert sorted(found) == sorted(ROUTES.keys() | ELSEWHERE.keys())


@pytest.mark.parametrize("name", ROUTES)
def test_every_address_lets_through_whom_the_table_names(
    client: Client, things: tuple[Things, Things], name: str
) -> None:
    route = ROUTES[name]
    for visitor in VISITORS:
        with transaction.atomic():
            # They are asked apart from one another, whatever number their account has.
            cache.clear()
            visitor.come(client, things[0].app)
            # Each comes for the first time: nobody's limit of requests is used up by those before.
            cache.clear()
            before = counts()
            for method, own in requests(route):
                with transaction.atomic():
                    address = reverse(name, kwargs=things[0 if own else 1].address(route.names))
                    ask = client.post if method == "POST" else client.get
                    answer = ask(address, route.sent if method == "POST" else {})
                    came = f"{visitor.name}: {method} {address}"
                    wanted = expected(route, method, visitor, own=own)
                    assert outcome(answer) == wanted, came
                    if wanted != THROUGH:
                        assert counts() == before, f"{came} changed something"
                    transaction.set_rollback(True)
            transaction.set_rollback(True)

"""An open WebSocket ends at once, not at its next regular look, when its person may see it no more."""

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from apps.accounts.models import Grant, Role, User
from apps.applications.models import App
from apps.deployments.live import ACCESS_TOPIC, broadcaster
from apps.panel.consumers import reads
from tests.accounts.people import PASSWORD
from tests.panel.live import Watcher, in_thread, make_event, session_of

pytestmark = pytest.mark.django_db(transaction=True)

# The regular look comes after 15 s.
AT_ONCE = 5.0
FRESH = "a quite different one 99"


def vera(**fields: Any) -> User:
    user = User.objects.create_user("vera", password=PASSWORD, **fields)
    make_event("shop")
    return user


def sign_out(user: User, session: str) -> None:
    client(session).post("/logout/")


def disable(user: User, session: str) -> None:
    user.is_active = False
    user.save()


def lose_the_role(user: User, session: str) -> None:
    user.role = ""
    user.save()


def change_the_password(user: User, session: str) -> None:
    other = Client()
    other.force_login(user)
    answer = other.post(
        "/account/password/", {"oldpassword": PASSWORD, "password1": FRESH, "password2": FRESH}
    )
    assert answer.status_code == 302


def revoke(user: User, session: str) -> None:
    other = Client()
    other.post("/login/", {"username": "vera", "password": PASSWORD})
    assert other.post("/account/sessions/", {"end": "others"}).status_code == 302


def client(session: str) -> Client:
    client = Client()
    client.cookies["sessionid"] = session
    return client


def signed_in(user: User) -> str:
    signing_in = Client()
    signing_in.post("/login/", {"username": user.username, "password": PASSWORD})
    return str(signing_in.session.session_key)


async def watch(session: str) -> Watcher:
    watcher = Watcher("/ws/apps/", session)
    await asyncio.wait_for(watcher.accepted.wait(), 5)
    while not watcher.frames:
        await asyncio.sleep(0.01)
    return watcher


@pytest.mark.parametrize(
    ("lose", "code"),
    [
        (sign_out, 4401),
        (disable, 4401),
        (change_the_password, 4401),
        (revoke, 4401),
        (lose_the_role, 4404),
    ],
)
async def test_it_ends_at_once(lose: Any, code: int) -> None:
    user = await in_thread(vera)(role=Role.VIEWER)
    session = await in_thread(signed_in)(user)
    watcher = await watch(session)
    await in_thread(lose)(user, session)
    assert await watcher.closed(timeout=AT_ONCE) == code


@pytest.mark.parametrize("lose", ["leave the team", "the team is removed", "the grant is taken"])
async def test_it_ends_when_what_a_team_gave_goes(lose: str) -> None:
    def in_a_team() -> tuple[User, Group]:
        user, team = vera(), Group.objects.create(name="shop people")
        team.user_set.add(user)
        Grant.objects.create(team=team, app=App.objects.get(), role=Role.VIEWER)
        return user, team

    user, team = await in_thread(in_a_team)()
    watcher = await watch(await in_thread(session_of)(user))
    ways = {
        "leave the team": lambda: team.user_set.remove(user),
        "the team is removed": team.delete,
        "the grant is taken": team.grants.all().delete,
    }
    await in_thread(ways[lose])()
    assert await watcher.closed(timeout=AT_ONCE) == 4404


async def test_others_go_on_and_are_not_even_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    user = await in_thread(vera)(role=Role.VIEWER)
    other = await in_thread(User.objects.create_user)("olga", role=Role.VIEWER)
    watcher = await watch(await in_thread(session_of)(user))
    looks: list[Any] = []
    monkeypatch.setattr(reads, "current_user", lambda key: looks.append(key))

    await in_thread(disable)(other, "")
    await asyncio.sleep(0.2)

    assert broadcaster.listens(ACCESS_TOPIC)
    assert watcher.code is None
    assert not looks
    await watcher.leave()

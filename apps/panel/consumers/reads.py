"""What the WebSockets read from the database, in threads of their own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from threading import Barrier
from types import SimpleNamespace
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser
from django.db import Error as DatabaseError
from django.db import connections

from apps.accounts import policy, tokens
from apps.accounts.tokens import InvalidToken
from apps.applications.models import App
from apps.deployments import queue
from apps.deployments.live import lines_frame
from apps.deployments.logs import read_lines
from apps.deployments.models import DeployEvent
from apps.panel.consumers.frame_cache import FrameCache
from apps.panel.shown.glances import Look, Seen, shared_look

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

# Few threads with a connection each that stays open: a hundred clients look once a second, and a
# connection opened for each look would cost more than the look. The views have threads of their own.
_THREADS = 4
_threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="live-read")

# A hundred clients that fell behind together would read and encode the same rows a hundred times.
_frames = FrameCache()


async def read(
    function: Callable[_Parameters, _Result], *args: _Parameters.args, **kwargs: _Parameters.kwargs
) -> _Result:
    """Return what `function` reads from the database, without blocking the event loop."""
    call = partial(function, *args, **kwargs)
    return await sync_to_async(_with_connection, thread_sensitive=False, executor=_threads)(call)


def _with_connection(call: Callable[[], _Result]) -> _Result:
    try:
        return call()
    except DatabaseError:
        # It may be the connection that is broken: the next call makes a new one.
        connections.close_all()
        raise


def close_connections() -> None:
    """Close the connections that the threads hold; waits for what they read."""
    # Each waits for the others, so that no thread takes two of these calls.
    together = Barrier(_THREADS)

    def close() -> None:
        together.wait()
        connections.close_all()

    for closed in [_threads.submit(close) for _ in range(_THREADS)]:
        closed.result()


def current_user(session_key: str | None) -> Any:
    """Return who the session with this key belongs to now: anonymous where it has ended."""
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    return get_user(SimpleNamespace(session=store))  # type: ignore[arg-type]


def current_user_of_token(pk: int) -> Any:
    """Return whom token `pk` stands for now: anonymous where it has ended."""
    try:
        return tokens.still(pk)
    except InvalidToken:
        return AnonymousUser()


def may_see_event(user: Any, event_id: int) -> bool:
    """Tell whether the event exists and `user` may see it."""
    return policy.visible(user, DeployEvent.objects.filter(pk=event_id)).exists()


def event_state(event_id: int) -> dict[str, Any]:
    """Return status, step and place in the queue (0: not waiting) of an event, and whether it is to end."""
    columns = ("status", "step", "approval", "cancel_requested_at")
    event = DeployEvent.objects.only(*columns).get(pk=event_id)
    return {
        "status": event.status,
        "step": event.step,
        "position": queue.position(event),
        "cancelling": event.is_being_cancelled,
    }


async def frame_after(event_id: int, seq: int) -> tuple[int, str] | None:
    """Return the frame after line `seq`, if there is one, as (number of its last line, text)."""
    return _frames.get(event_id, seq) or await read(_make_frame, event_id, seq)


def _make_frame(event_id: int, seq: int) -> tuple[int, str] | None:
    # Others may have made it while this call waited for a thread.
    if kept := _frames.get(event_id, seq):
        return kept
    page = read_lines(event_id, seq)
    if not page:
        return None
    last_seq, frame = page[-1].seq, lines_frame(page)
    _frames.put(event_id, seq, last_seq, frame)
    return last_seq, frame


def visible_app(user: Any, slug: str) -> int | None:
    """Return the key of the live app `slug`; None where there is none that `user` may see."""
    apps = policy.visible(user, App.objects.live()).filter(slug=slug)
    return apps.values_list("pk", flat=True).first()


def may_see_apps(user: Any) -> bool:
    """Tell whether `user` may see apps at all."""
    return policy.allows_somewhere(user, policy.Permission.VIEW)


def apps_seen(user: Any, since: float) -> tuple[Look, Seen]:
    """Return a look at all apps that was begun at `since` or later, and what `user` sees of it."""
    look = shared_look.get(since)
    return look, look.seen_by(user)

"""The WebSocket with the state of all apps."""

import asyncio
import time
from typing import Any
from urllib.parse import parse_qs

from apps.deployments.live import APPS_TOPIC, Gap, Message
from apps.panel.consumers import reads
from apps.panel.consumers.live import NOT_FOUND, POLL_SECONDS, LiveConsumer
from apps.panel.consumers.reads import read
from apps.panel.shown.glances import Look, Seen, shared_look


class AppsConsumer(LiveConsumer):
    """`/ws/apps/?known=<text>`: every app's state and what it is doing, at first all, then what changes.

    Whoever has a page with all apps as they are says so by the `known` of that page or of the last frame,
    and is told nothing again. A page that shows no app asks with `?brief=1` and is told how many are busy
    alone. What is read is shared with the others who look at the same time.
    """

    seen: Seen | None = None
    _look: Look | None = None
    _seen_as: Any = None
    _is_brief = False

    async def refusal(self) -> int | None:
        return None if await read(reads.may_see_apps, self.user) else NOT_FOUND

    def topics(self) -> tuple[str, ...]:
        return (APPS_TOPIC,)

    async def take(self, message: Message | Gap | None) -> bool:
        since = time.monotonic()
        if message is None:
            # Nothing was said to have changed: what others have read lately will do.
            since -= POLL_SECONDS
        elif isinstance(message, dict):
            # The first change after a pause is told at once, and one look answers for those of a burst.
            await asyncio.sleep(shared_look.rest())
        recent = shared_look.recent(since)
        if recent and self._look and recent.all is self._look.all and self._seen_as is self.user:
            return False
        user = self.user
        self._look, seen = await read(reads.apps_seen, user, since)
        before, self.seen, self._seen_as = self.seen, seen, user
        if before is None:
            given = parse_qs(self.scope["query_string"].decode("latin-1"))
            self._is_brief = "brief" in given
            is_known = self._is_brief or given.get("known", [""])[-1] == seen.known
            await self.send(seen.frame(seen) if is_known else seen.whole_frame)
        elif self._is_brief:
            if seen.busy != before.busy:
                await self.send(seen.frame(seen))
        elif seen.known != before.known:
            await self.send(seen.frame(before))
        return False

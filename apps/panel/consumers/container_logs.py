"""The WebSocket with the output of an app's containers."""

import json
from typing import Any
from urllib.parse import parse_qsl

from apps.accounts import policy
from apps.accounts.policy import Permission
from apps.applications.models import App
from apps.deployer.container_logs.lines import frames
from apps.deployer.container_logs.watching import TooManyViews, watching
from apps.deployer.container_logs.wishes import InvalidWish, read_wish
from apps.deployments.live import Gap, Message
from apps.panel.consumers.live import BAD_REQUEST, NOT_FOUND, TOO_MANY, LiveConsumer
from apps.panel.consumers.reads import read


class ContainerLogConsumer(LiveConsumer):
    """`/ws/apps/<slug>/logs/?service=&tail=&since=&until=`: the last lines and, without `until`, more.

    Frames: {"type": "lines", "lines": [...]}, {"type": "skipped", "lines": N} where so many came that this
    client could not take them, {"type": "refused", "text"} before it is closed for a reason, {"type": "end"}.
    """

    app: App | None = None

    async def refusal(self) -> int | None:
        slug = self.scope["url_route"]["kwargs"]["slug"]
        app = await read(find, self.user, slug, Permission.READ_LOGS)
        if app is None or (self.app is not None and app.pk != self.app.pk):
            return NOT_FOUND
        if self.app is None:
            self.app, self.last_seq = app, 0
            try:
                self.wish = read_wish(dict(parse_qsl(self.scope["query_string"].decode("latin-1"))))
            except InvalidWish:
                return BAD_REQUEST
        return None

    def topics(self) -> tuple[str, ...]:
        return (self.outlet.topic,)

    async def _send_live(self) -> None:
        assert self.app is not None
        try:
            # Left as soon as this person is not served any more, whatever their browser does.
            with watching.watch(self.user.pk, self.app, self.wish) as follower:
                self.outlet = follower.outlet
                await super()._send_live()
        except TooManyViews as error:
            await self.send(json.dumps({"type": "refused", "text": str(error)}))
            await self.close(TOO_MANY)

    async def take(self, message: Message | Gap | None) -> bool:
        match message:
            case {"type": "lines", "last_seq": last} if last <= self.last_seq:
                return False
            case {"type": "lines", "first_seq": first, "last_seq": last} if first == self.last_seq + 1:
                assert isinstance(message, dict)
                self.last_seq = last
                await self.send(message["by_language"].text)
                return False
        # Asked before the lines: once it is over there are no more.
        over = self.outlet.over
        skipped, lines = self.outlet.after(self.last_seq)
        # At first it only means that the end is shown and not the beginning.
        if skipped and self.last_seq:
            await self.send(json.dumps({"type": "skipped", "lines": skipped}))
        for frame in frames(lines):
            self.last_seq = frame.last_seq
            await self.send(frame.text)
        if over:
            await self.send(json.dumps({"type": "end"}))
        return over


def find(user: Any, slug: str, permission: Permission) -> App | None:
    """Return the app `slug` where `user` may see it and has `permission` on it."""
    app = policy.visible(user, App.objects.live()).filter(slug=slug).first()
    return app if app is not None and policy.allows(user, permission, app) else None

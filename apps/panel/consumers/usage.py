"""The WebSocket with what the services of an app use."""

import contextlib

from apps.deployer.state.usage import running_usage
from apps.deployments.live import APPS_TOPIC, USAGE_TOPIC, Gap, Message
from apps.panel.consumers import reads
from apps.panel.consumers.live import NOT_FOUND, LiveConsumer
from apps.panel.consumers.reads import read
from apps.panel.shown.usage import usage_frame


class UsageConsumer(LiveConsumer):
    """`/ws/apps/<slug>/stats/`: what an app's services use, measured only while somebody looks."""

    frame = ""

    async def refusal(self) -> int | None:
        slug: str = self.scope["url_route"]["kwargs"]["slug"]
        app = await read(reads.visible_app, self.user, slug)
        if self._stream is None:
            self.slug, self.app = slug, app
        # The name may be another app's by now.
        return None if app is not None and app == self.app else NOT_FOUND

    def topics(self) -> tuple[str, ...]:
        return USAGE_TOPIC, APPS_TOPIC

    def _may_concern(self, message: Message | Gap | None) -> bool:
        # Whatever is heard of the app may be that it was removed.
        names_it = isinstance(message, dict) and self.slug in (message.get("slug"), *message.get("slugs", ()))
        return names_it or super()._may_concern(message)

    async def _send_live(self) -> None:
        stream = running_usage()
        with stream.watched() if stream else contextlib.nullcontext():
            await super()._send_live()

    async def take(self, message: Message | Gap | None) -> bool:
        match message:
            case {"type": "apps", "slugs": slugs} if self.slug not in slugs:
                return False
            case {"type": "event"} | None:
                return False
        frame = await read(usage_frame, self.slug)
        if frame != self.frame:
            self.frame = frame
            await self.send(frame)
        return False

"""The WebSocket with the live log of an event."""

import json
import re
from typing import Any, ClassVar
from urllib.parse import parse_qs

from apps.deployments.live import APPS_TOPIC, Gap, Message, event_topic, lines_frame
from apps.deployments.states import TERMINAL, Status
from apps.panel.consumers import reads
from apps.panel.consumers.live import BAD_REQUEST, NOT_FOUND, LiveConsumer
from apps.panel.consumers.reads import read


class EventConsumer(LiveConsumer):
    """`/ws/events/<id>/?after=<seq>`: every line numbered above `after` once, the states, and the end."""

    _AFTER: ClassVar = re.compile(r"[0-9]{1,10}")

    async def refusal(self) -> int | None:
        self.event_id: int = self.scope["url_route"]["kwargs"]["event_id"]
        if self._stream is None:
            given = parse_qs(self.scope["query_string"].decode("latin-1"), keep_blank_values=True)
            after = given.get("after", ["0"])[-1]
            if not self._AFTER.fullmatch(after):
                return BAD_REQUEST
            self.last_seq = int(after)
            self.state: dict[str, Any] = {}
        return None if await read(reads.may_see_event, self.user, self.event_id) else NOT_FOUND

    def topics(self) -> tuple[str, ...]:
        # The other events move this one's place in the queue.
        return event_topic(self.event_id), APPS_TOPIC

    async def take(self, message: Message | Gap | None) -> bool:
        match message:
            case {"type": "lines", "first_seq": first, "last_seq": last} if first <= self.last_seq + 1:
                assert isinstance(message, dict)
                if last > self.last_seq:
                    await self._send_lines(message)
                return False
            case {"type": "hint", "last_seq": last} if last <= self.last_seq:
                return False
            case {"type": "apps"}:
                return False
            case {"type": "event", "event_id": other} if other != self.event_id:
                if self.state.get("status") != Status.QUEUED:
                    return False
        return await self._catch_up()

    async def _send_lines(self, message: Message) -> None:
        seen = self.last_seq + 1 - message["first_seq"]
        self.last_seq = message["last_seq"]
        await self.send(lines_frame(message["lines"][seen:]) if seen else message["frame"])

    async def _catch_up(self) -> bool:
        """Send what the rows hold beyond what was sent; tell whether the event is over."""
        # The state is read before the lines: all lines of an event that has ended are stored by then.
        state = await read(reads.event_state, self.event_id)
        over = state["status"] in TERMINAL
        if not over:
            await self._send_state(state)
        while found := await reads.frame_after(self.event_id, self.last_seq):
            self.last_seq, frame = found
            await self.send(frame)
        if over:
            await self._send_state(state)
            await self.send(json.dumps({"type": "end", "status": state["status"]}))
        return over

    async def _send_state(self, state: dict[str, Any]) -> None:
        if state != self.state:
            self.state = state
            await self.send(json.dumps({"type": "state", **state}))

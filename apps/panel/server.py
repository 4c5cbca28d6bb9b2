"""Daphne as the panel runs it: with back-pressure, limits, and an orderly end.

Daphne writes whatever an application sends into the connection's buffer at once, however large that
grows. Here an application waits in `send` while its client does not read, so that a slow client holds
one page of output and slows down nobody else.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import defer, reactor
from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from zope.interface import implementer

logger = logging.getLogger(__name__)

# A body beyond this never reaches the application, which would get it whole in memory. Below it, pages say
# in their own words what is too large (settings.DATA_UPLOAD_MAX_MEMORY_SIZE).
MAX_REQUEST_BYTES = 8 * 1024 * 1024
# The request line with all headers, and their number.
MAX_HEAD_BYTES, MAX_HEADERS = 16 * 1024, 100
# Seconds in which a request has to arrive whole, however often a byte of it comes.
ARRIVAL_SECONDS = 60.0
# Autobahn holds both directions to one limit. The panel's pages say nothing; a page of lines that JSON
# has to quote at six bytes a character takes 2 MiB.
MAX_FRAME_BYTES = 4 * 1024 * 1024
# What the kernel holds for one WebSocket, beside the 64 KiB and one frame that Twisted holds.
SEND_BUFFER_BYTES = 256 * 1024
# Seconds in which a client has to read what one connection holds, a page's too; it may come back and go on.
STALL_SECONDS = 120.0
PING_SECONDS, PONG_SECONDS = 20, 60
# Seconds that the last frames may be under way before a closed WebSocket is cut off.
CLOSE_SECONDS = 60
_GOING_AWAY = 1001
_PLAIN_HEADERS = [
    (b"Content-Type", b"text/plain; charset=utf-8"),
    (b"Content-Security-Policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Cache-Control", b"no-store"),
]


@implementer(IPushProducer)
class Pressure:
    """Tells whether a connection takes more; the transport calls its methods (`IPushProducer`)."""

    def __init__(self) -> None:
        self.paused_at: float | None = None
        self._open = asyncio.Event()
        self._open.set()

    def pauseProducing(self) -> None:
        self.paused_at = time.monotonic()
        self._open.clear()

    def resumeProducing(self) -> None:
        self.paused_at = None
        self._open.set()

    # Who waits for a lost connection waits no more: what they send is dropped by the server.
    stopProducing = resumeProducing

    async def relieved(self) -> None:
        """Wait until the connection's buffer is empty or the connection is lost."""
        await self._open.wait()


class PanelWebSocket(WebSocketProtocol):
    """A WebSocket that knows whether its client reads."""

    autoPingTimeoutCall: Any

    def onConnect(self, request: Any) -> Any:
        self.pressure = Pressure()
        return super().onConnect(request)

    def onOpen(self) -> None:
        # Until now the transport asked the HTTP channel that the connection began as.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)
        self.transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        super().onOpen()

    def handle_reply(self, message: dict[str, Any]) -> None:
        # Autobahn raises where the client has just left, which is nothing to report.
        if self.state in (self.STATE_CONNECTING, self.STATE_OPEN):
            super().handle_reply(message)

    def pauseProducing(self) -> None:
        self.pressure.pauseProducing()
        # The answer to a ping waits behind what the client has yet to read.
        if self.autoPingTimeoutCall is not None:
            self.autoPingTimeoutCall.cancel()
            self.autoPingTimeoutCall = None

    def resumeProducing(self) -> None:
        self.pressure.resumeProducing()
        self.last_ping = time.time()

    def stopProducing(self) -> None:
        self.pressure.stopProducing()

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:
        super().onClose(wasClean, code, reason)
        self.pressure.stopProducing()

    def check_timeouts(self) -> None:
        paused_at = self.pressure.paused_at
        if paused_at is None:
            super().check_timeouts()
        elif time.monotonic() - paused_at > STALL_SECONDS:
            self.wasNotCleanReason = "the client does not read"
            self.dropConnection(abort=True)


class PanelChannel(HTTPChannel):
    """A connection whose client has to send each request in time: Twisted's own limit is for pauses alone."""

    maxHeaders, totalHeadersSize = MAX_HEADERS, MAX_HEAD_BYTES
    transport: Any
    _deadline: asyncio.TimerHandle | None = None

    def dataReceived(self, data: bytes) -> None:
        if self._deadline is None and not self._handlingRequest:
            self._deadline = asyncio.get_running_loop().call_later(ARRIVAL_SECONDS, self._too_late)
        super().dataReceived(data)

    def allContentReceived(self) -> None:
        self._in_time()
        super().allContentReceived()

    def lineLengthExceeded(self, line: bytes) -> None:
        # As for a head that is too large in many lines.
        self._respondToBadRequestAndDisconnect()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._in_time()
        super().connectionLost(reason)

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        self.transport.abortConnection()


class PanelRequest(WebRequest):
    """A request whose body is limited and whose streamed response waits for its client."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pressure = Pressure()
        self._received = 0

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        if length is not None and length > MAX_REQUEST_BYTES:
            self._refuse_body()

    def handleContentChunk(self, data: bytes) -> None:
        self._received += len(data)
        if self._received <= MAX_REQUEST_BYTES:
            super().handleContentChunk(data)
        else:
            self._refuse_body()

    def _refuse_body(self) -> None:
        self.channel.transport.write(
            b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        )
        self.channel.loseConnection()

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """Refuse what never reaches the application, in words alone."""
        self.handle_reply({"type": "http.response.start", "status": status, "headers": _PLAIN_HEADERS})
        self.handle_reply({"type": "http.response.body", "body": f"{body}\n".encode()})

    def handle_reply(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body" and self.channel is not None and not self.finished:
            more = message.get("more_body", False)
            if more and self.producer is None:
                self.registerProducer(self.pressure, True)
            elif not more and self.producer is not None:
                self.unregisterProducer()
        super().handle_reply(message)

    def check_timeouts(self) -> None:
        paused_at = self.pressure.paused_at
        if (
            paused_at is not None
            and time.monotonic() - paused_at > STALL_SECONDS
            and self.channel is not None
        ):
            self.channel.transport.abortConnection()

    def connectionLost(self, reason: Any) -> None:
        super().connectionLost(reason)
        self.pressure.stopProducing()


class PanelHTTPFactory(HTTPFactory):
    """Makes the panel's own requests."""

    def buildProtocol(self, addr: IAddress) -> HTTPChannel:
        protocol = super().buildProtocol(addr)
        # The channel is wrapped in one that may negotiate its protocol; the wrapper passes this on.
        protocol._channel.__class__ = PanelChannel
        protocol.requestFactory = PanelRequest
        return protocol


class PanelServer(Server):
    """Daphne's server with the panel's protocols; `on_ready` is called once it listens."""

    def __init__(self, application: Any, *, on_ready: Callable[[], None], **options: Any) -> None:
        options = {
            "ping_interval": PING_SECONDS,
            "ping_timeout": PONG_SECONDS,
            "websocket_max_message_size": MAX_FRAME_BYTES,
            "websocket_max_frame_size": MAX_FRAME_BYTES,
            "server_name": "SimpleDeploy",
            "ready_callable": self._prepare,
            **options,
        }
        super().__init__(application, **options)
        self._on_ready = on_ready

    def _prepare(self) -> None:
        # Daphne makes its factories in `run`, and calls this before the first connection is accepted.
        self.http_factory.__class__ = PanelHTTPFactory
        self.ws_factory.protocol = PanelWebSocket
        self.ws_factory.setProtocolOptions(closeHandshakeTimeout=CLOSE_SECONDS)
        self._on_ready()

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        # Closing waits too: the time that a client has for its answer begins when it has read the rest.
        await protocol.pressure.relieved()
        await super().handle_reply(protocol, message)

    def kill_all_applications(self) -> defer.Deferred[Any]:
        """End all connections and applications when the server stops."""
        running = []
        for protocol, details in list(self.connections.items()):
            # Daphne takes for granted that each has one, which is not so where it has just ended.
            application = details.get("application_instance")
            if application is not None and not application.done():
                application.cancel()
                running.append(application)
            if isinstance(protocol, PanelWebSocket) and protocol.state == protocol.STATE_OPEN:
                protocol.sendCloseFrame(code=_GOING_AWAY)
        return defer.Deferred.fromFuture(asyncio.ensure_future(_ended(running)))

    def stop_from_thread(self) -> None:
        """Stop the server; for any thread."""
        reactor.callFromThread(self.stop)


async def _ended(applications: list[asyncio.Task[Any]]) -> None:
    await asyncio.gather(*applications, return_exceptions=True)

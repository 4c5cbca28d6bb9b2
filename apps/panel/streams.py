"""Streamed answers whose text is made by threads and commands, and which end when the browser goes."""

import asyncio
from collections.abc import AsyncIterator, Generator
from itertools import islice

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from apps.deployer.runner.interface import CancelToken

_LINES = 500  # that are sent at a time


def streamed_text(
    request: HttpRequest, lines: Generator[str], cancel: CancelToken, filename: str
) -> StreamingHttpResponse:
    """Return the answer that hands out `lines` as a text file; when nobody takes them, `cancel` ends them."""
    # A server that speaks ASGI wants an asynchronous iterator, else it reads the whole text into memory.
    body = _in_threads(lines, cancel) if isinstance(request, ASGIRequest) else lines
    response = StreamingHttpResponse(body, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


async def _in_threads(lines: Generator[str], cancel: CancelToken) -> AsyncIterator[str]:
    def take() -> str:
        return "".join(islice(lines, _LINES))

    taking: asyncio.Future[str] | None = None
    try:
        while True:
            taking = asyncio.ensure_future(sync_to_async(take, thread_sensitive=False)())
            # A thread that is at it cannot be stopped; it is waited for below.
            part = await asyncio.shield(taking)
            if not part:
                return
            yield part
    finally:
        cancel.cancel()
        if taking is not None and not taking.done():
            await asyncio.wait([taking])
        await sync_to_async(lines.close, thread_sensitive=False)()

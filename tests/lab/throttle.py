"""A slow line to the lab's registry, so that a pull takes long enough to be watched."""

import asyncio
import contextlib
import threading
from types import TracebackType

from tests.lab.registry import Registry

_PIECE = 16 * 1024  # bytes


class ThrottledRegistry:
    """Passes connections on to `registry`, and its answers at `rate` bytes a second; a context manager.

    `rate` may be changed at any time. By its own address the images are other ones for the engine.
    """

    def __init__(self, registry: Registry, rate: int) -> None:
        self._registry = registry
        self.rate = rate
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="throttle", daemon=True)

    def __enter__(self) -> "ThrottledRegistry":
        self._thread.start()
        begun = asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(begun, self._loop).result(10)
        self.host = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._registry.engine.forget_images_of(self.host)

    def ref(self, name: str, tag: str = "1") -> str:
        """Return the reference by which the registry's image is pulled slowly."""
        return f"{self.host}/{self._registry.namespace}/{name}:{tag}"

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._registry.port)
        with contextlib.suppress(OSError):
            await asyncio.gather(self._copy(reader, back), self._copy(there, writer, slowly=True))

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slowly: bool = False
    ) -> None:
        while data := await reader.read(_PIECE):
            writer.write(data)
            await writer.drain()
            if slowly:
                await asyncio.sleep(len(data) / self.rate)
        writer.close()

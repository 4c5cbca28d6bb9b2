"""Lines from a command's sink to WebSocket clients, against a bare loop inside one process in the same run.

    python benchmarks/log_stream.py [--lines 50000] [--clients 1 100] [--rate 2000] [--seconds 5]

Prints one JSON object. `panel` is the whole way: redaction, numbering, rows in SQLite, the broadcaster,
the consumers, Daphne, a real socket, and a client in another process. `bare` is the floor: a thread
hands the same lines to as many asyncio tasks, which keep nothing. Throughput is for a command without a
pause (time until the last client has the last line); delays (from sink to client, in milliseconds) are
for a command that prints `rate` lines a second, and for single lines after a pause. A `ratio` is the
panel's figure over the floor's.
"""

import argparse
import asyncio
import json
import re
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from websockets.asyncio.client import connect

from tests.panel.live_client import LiveServer

WIDTH = 100
SINGLE_LINES, SINGLE_RATE = 50, 10
TIME = re.compile(r'"text":"\d+ (\d+\.\d+)')


class Client:
    """One WebSocket to an event: how many lines came, when the last one did, and each line's delay."""

    def __init__(self, server: LiveServer, event: int, keeps_delays: bool) -> None:
        self.count, self.last_at = 0, 0.0
        self.delays: list[float] = []
        self._keeps_delays = keeps_delays
        self._url = f"ws://127.0.0.1:{server.port}/ws/events/{event}/"
        self._headers = {"Cookie": f"sessionid={server.session}"}
        self._origin = f"http://127.0.0.1:{server.port}"

    async def follow(self, joined: asyncio.Semaphore) -> None:
        """Read until the event ends."""
        async with connect(
            self._url, origin=self._origin, additional_headers=self._headers, compression=None, max_size=None
        ) as connection:
            async for frame in connection:
                now = time.monotonic()
                assert isinstance(frame, str)
                if frame.startswith('{"type":"lines"'):
                    self.count += frame.count('"seq":')
                    self.last_at = now
                    if self._keeps_delays:
                        self.delays += [now - float(at) for at in TIME.findall(frame)]
                joined.release()


async def through_the_panel(
    server: LiveServer, clients: int, lines: int, rate: float
) -> tuple[float, list[float]]:
    """Have an event print; return the seconds until all clients had all lines, and the delays."""
    event = await asyncio.to_thread(server.make_event)
    joined = asyncio.Semaphore(0)
    # The delays of a few clients among many: to look at every line of all would be the work measured.
    readers = [Client(server, event, keeps_delays=n % max(1, clients // 5) == 0) for n in range(clients)]
    tasks = [asyncio.create_task(reader.follow(joined)) for reader in readers]
    for _ in readers:
        await joined.acquire()
    start = time.monotonic()
    await asyncio.to_thread(server.do, "print_lines", event=event, count=lines, width=WIDTH, rate=rate)
    await asyncio.gather(*tasks)
    assert {reader.count for reader in readers} == {lines}
    return max(r.last_at for r in readers) - start, [delay for r in readers for delay in r.delays]


async def bare(clients: int, lines: int, rate: float) -> tuple[float, list[float]]:
    """Do the same with a thread, an event loop and a queue for each client, and nothing else."""
    loop = asyncio.get_running_loop()
    queues: list[asyncio.Queue[str]] = [asyncio.Queue() for _ in range(clients)]
    delays: list[float] = []

    def hand_out(line: str) -> None:
        for queue in queues:
            queue.put_nowait(line)

    def produce() -> None:
        start = time.monotonic()
        for number in range(1, lines + 1):
            if rate and (ahead := start + number / rate - time.monotonic()) > 0:
                time.sleep(ahead)
            line = f"{number} {time.monotonic():.6f} ".ljust(WIDTH, "x")
            loop.call_soon_threadsafe(hand_out, line)

    async def consume(queue: asyncio.Queue[str]) -> None:
        for _ in range(lines):
            line = await queue.get()
            delays.append(time.monotonic() - float(line.split(" ", 2)[1]))

    start = time.monotonic()
    producer = threading.Thread(target=produce)
    producer.start()
    await asyncio.gather(*(consume(queue) for queue in queues))
    producer.join()
    return time.monotonic() - start, delays


def milliseconds(delays: list[float]) -> dict[str, float]:
    """Return the median and the 99th percentile of `delays` (seconds), in milliseconds."""
    cuts = statistics.quantiles(delays, n=100)
    return {"p50": round(cuts[49] * 1000, 2), "p99": round(cuts[98] * 1000, 2)}


def compare(panel: dict[str, float], floor: dict[str, float]) -> dict[str, Any]:
    """Return both, and the ratio of each figure."""
    ratio = {name: round(panel[name] / floor[name], 1) for name in panel}
    return {"panel": panel, "bare": floor, "ratio": ratio}


async def measure(server: LiveServer, clients: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return throughput and delays for so many clients."""
    lines, steady = arguments.lines, int(arguments.rate * arguments.seconds)
    # The floor without a pause hands out every line to every client: fewer do to know its speed.
    floor_lines = max(1000, lines // clients)
    seconds, _ = await through_the_panel(server, clients, lines, 0)
    floor_seconds, _ = await bare(clients, floor_lines, 0)
    _, delays = await through_the_panel(server, clients, steady, arguments.rate)
    _, floor_delays = await bare(clients, steady, arguments.rate)
    _, single = await through_the_panel(server, clients, SINGLE_LINES, SINGLE_RATE)
    _, floor_single = await bare(clients, SINGLE_LINES, SINGLE_RATE)
    return {
        "lines_per_second_to_each_client": compare(
            {"all": round(lines / seconds)}, {"all": round(floor_lines / floor_seconds)}
        ),
        f"delay_ms_at_{arguments.rate}_lines_per_second": compare(
            milliseconds(delays), milliseconds(floor_delays)
        ),
        "delay_ms_of_single_lines": compare(milliseconds(single), milliseconds(floor_single)),
    }


def main() -> None:
    """Measure for each number of clients and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, default=50_000)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 100])
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=5)
    arguments = parser.parse_args()
    result: dict[str, Any] = {"lines": arguments.lines, "line_width": WIDTH}
    with tempfile.TemporaryDirectory() as folder, LiveServer(Path(folder)) as server:
        before = server.memory()
        for clients in arguments.clients:
            result[f"{clients}_clients"] = asyncio.run(measure(server, clients, arguments))
        result["server_rss_growth_mib"] = round((server.memory() - before) / 1024**2, 1)
    print(json.dumps(result, indent=2))  # noqa: T201


if __name__ == "__main__":
    main()

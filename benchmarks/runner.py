"""Lines per second through the runner, against a bare loop that reads the same command in the same run.

    python benchmarks/runner.py [--lines 2000000] [--rounds 5]

Prints one JSON object. `ratio` is the runner's time over that of the bare loop (medians, rounds
interleaved). The bare loop reads bytes of one pipe; the runner reads two, decodes, takes the time, caps,
keeps a tail and can be cancelled. `flushed` is the same with a command that writes each line by itself.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from apps.deployer.runner.interface import Line
from apps.deployer.runner.subprocess_runner import SubprocessRunner

TEXT = "b0d6b3c9 Downloading [=====================>            ]  12.34MB/98.76MB"
BLOCKS = f"import sys\nfor _ in range(int(sys.argv[1])): sys.stdout.write({TEXT + chr(10)!r})"
FLUSHED = f"import os, sys\nfor _ in range(int(sys.argv[1])): os.write(1, {(TEXT + chr(10)).encode()!r})"


def bare(argv: list[str]) -> int:
    """Read the command's output line by line and return how many lines there were."""
    count = 0
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in process.stdout:
            count += 1
    return count


def through_the_runner(argv: list[str]) -> int:
    """Run the command with a sink that counts, and return how many lines there were."""
    count = 0

    def sink(line: Line) -> None:
        nonlocal count
        count += 1

    assert SubprocessRunner().run(argv, sink=sink).ok
    return count


def measure(code: str, lines: int, rounds: int) -> dict[str, float]:
    """Return lines per second of both, and the ratio of their times."""
    argv = [sys.executable, "-c", code, str(lines)]
    times: dict[Callable[[list[str]], int], list[float]] = {bare: [], through_the_runner: []}
    for _ in range(rounds):
        for way, taken in times.items():
            began = time.perf_counter()
            assert way(argv) == lines
            taken.append(time.perf_counter() - began)
    bare_time, runner_time = (statistics.median(taken) for taken in times.values())
    return {
        "bare_lines_per_second": round(lines / bare_time),
        "runner_lines_per_second": round(lines / runner_time),
        "ratio": round(runner_time / bare_time, 2),
    }


def main() -> None:
    """Measure both kinds of output and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    result = {
        "lines": arguments.lines,
        "blocks": measure(BLOCKS, arguments.lines, arguments.rounds),
        "flushed": measure(FLUSHED, arguments.lines // 10, arguments.rounds),
        "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    print(json.dumps(result, indent=2))  # noqa: T201


if __name__ == "__main__":
    main()

"""What `docker stats` prints is read, whatever it draws around it and whatever it leaves out."""

import pytest

from apps.deployer.state.readings import Reading, read_line


def line(cpu: str, memory: str) -> str:
    return f'{{"id":"1f","cpu":"{cpu}","memory":"{memory}"}}'


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        (line("0.01%", "784KiB / 23.59GiB"), Reading(0.01, 784 * 1024)),
        (f"\x1b[H{line('199.5%', '1.5GiB / 2GiB')} \x1b[K", Reading(199.5, 3 * 512 * 1024**2)),
        (f"\x1b[J\x1b[H{line('0.00%', '0B / 0B')}\x1b[K", Reading(0.0, 0)),
        (line("1.00%", "12.5kB / 1GB"), Reading(1.0, 12_500)),
        (line("1.00%", "1.024e+03MiB / 2GiB"), Reading(1.0, 1024**3)),
        (line("-0.10%", "1MiB"), Reading(0.0, 1024**2)),
        # Going, or not measured yet.
        (line("--", "-- / --"), None),
        (line("0.10%", "-- / --"), None),
        # Nothing that can be believed.
        (line("nan%", "1MiB / 2MiB"), None),
        (line("inf%", "1MiB / 2MiB"), None),
        (line("1.00%", "1e400MiB / 2MiB"), None),
        (line("1.00%", "a lot"), None),
        ('{"id":"1f","cpu":null,"memory":"1MiB / 2MiB"}', None),
        ('{"id":1,"cpu":"1%","memory":"1MiB / 2MiB"}', None),
        ('{"id":"1f"}', None),
        ('{"id":"1f","cpu":"1%","mem', None),
        ("[]", None),
        (" \x1b[K", None),
        ("", None),
    ],
)
def test_a_line_is_a_reading_or_nothing(text: str, reading: Reading | None) -> None:
    assert read_line(text) == (None if reading is None else ("1f", reading))

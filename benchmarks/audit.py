"""What an entry of the audit costs, against a plain INSERT of the same fields in the same run.

    python benchmarks/audit.py [--entries 2000] [--verified 50000]

On SQLite, as the panel sets it up; rounds of all ways are interleaved. Prints one JSON object:

plain_ms            a row without triggers and hashes, in a transaction of its own
entry_ms            an entry, in a transaction of its own
entry_ratio         entry_ms over plain_ms
audited_change_ms   a transaction with one such row and an entry, as an audited change is
change_ratio        audited_change_ms over plain_ms
verified_per_s      entries that verify_audit checks in a second
memory_growth_mib   by which the peak memory of checking all entries exceeds that of checking a tenth of them
"""

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

_ROUND = 100


def milliseconds(write: Callable[[], None]) -> float:
    """Return what one call of `write` takes, over a round of calls."""
    start = time.perf_counter()
    for _ in range(_ROUND):
        write()
    return (time.perf_counter() - start) * 1000 / _ROUND


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(entries: int, verified: int) -> dict[str, float]:
    """Write and check entries in the database that the settings name."""
    from django.core.management import call_command
    from django.db import connection, transaction

    from apps.accounts.actor import Actor
    from apps.accounts.audit import AuditAction, record
    from apps.accounts.audit.models import AuditEntry
    from apps.accounts.audit.verification import Verification

    call_command("migrate", verbosity=0)
    by = Actor(
        "ada", "web 192.0.2.7", address="192.0.2.7", agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/140"
    )
    fields = {"before": {"name": "Shop"}, "after": {"name": "Our shop"}}

    def entry() -> None:
        record(by, AuditAction.APP_CHANGED, "app shop", app_slug="shop", **fields)

    entry()
    columns = [field.column for field in AuditEntry._meta.concrete_fields]
    like_it = AuditEntry.objects.values_list(*columns).first()
    assert like_it is not None, "an entry was just written"
    with connection.cursor() as cursor:
        # The same columns and indexes.
        cursor.execute("CREATE TABLE plain AS SELECT * FROM accounts_auditentry WHERE 0")
        cursor.execute("CREATE UNIQUE INDEX plain_number ON plain (number)")
        for column in ("at", "actor", "action", "app_slug"):
            cursor.execute(f"CREATE INDEX plain_{column} ON plain ({column})")
    insert = f"INSERT INTO plain VALUES ({', '.join(['%s'] * len(columns))})"
    last = 0

    def plain() -> None:
        nonlocal last
        last += 1
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(insert, [last, *like_it[1:]])

    def audited_change() -> None:
        with transaction.atomic():
            plain()
            entry()

    times: dict[str, list[float]] = {"plain": [], "entry": [], "audited_change": []}
    for _ in range(max(1, entries // _ROUND)):
        for name, write in (("plain", plain), ("entry", entry), ("audited_change", audited_change)):
            times[name].append(milliseconds(write))
    median = {name: statistics.median(values) for name, values in times.items()}

    def verify() -> tuple[float, int]:
        start = time.perf_counter()
        verification = Verification()
        assert not list(verification.findings()), "the audit holds"
        return time.perf_counter() - start, verification.count

    def fill(until: int) -> None:
        with transaction.atomic():
            for _ in range(until - AuditEntry.objects.count()):
                entry()

    fill(verified // 10)
    verify()
    small = peak_mib()
    fill(verified)
    seconds, count = verify()
    return {
        "plain_ms": round(median["plain"], 3),
        "entry_ms": round(median["entry"], 3),
        "entry_ratio": round(median["entry"] / median["plain"], 2),
        "audited_change_ms": round(median["audited_change"], 3),
        "change_ratio": round(median["audited_change"] / median["plain"], 2),
        "verified_per_s": round(count / seconds),
        "memory_growth_mib": round(peak_mib() - small, 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=2000)
    parser.add_argument("--verified", type=int, default=50000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in [name for name in os.environ if name.startswith("SIMPLEDEPLOY_")]:
            del os.environ[name]
        os.environ.pop("DATABASE_URL", None)
        os.environ["SIMPLEDEPLOY_DATA_DIR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "simpledeploy_site.settings"
        import django

        django.setup()
        print(json.dumps(measure(options.entries, options.verified), indent=1))  # noqa: T201


if __name__ == "__main__":
    main()

"""What a panel has written down, read from its database as a bystander."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

from tests.lab.panel import PanelProcess
from tests.lab.waiting import wait_until

ACTIVE = ("queued", "running")


class Journal:
    """The events and log lines of one panel."""

    def __init__(self, panel: PanelProcess) -> None:
        self._file = panel.data_dir / "simpledeploy.sqlite3"

    def events(self, slug: str = "") -> list[dict[str, Any]]:
        """Return the events (of app `slug`), oldest first, each a dict of its columns."""
        where, values = ("WHERE slug = ?", (slug,)) if slug else ("", ())
        events = self._rows(f"SELECT * FROM deploy_events {where} ORDER BY id", *values)
        for event in events:
            for column in ("steps", "services", "images", "expected", "arguments", "plan"):
                event[column] = json.loads(event[column])
        return events

    def last(self, slug: str) -> dict[str, Any]:
        """Return the newest event of app `slug`."""
        return self.events(slug)[-1]

    def current_version(self, slug: str) -> int | None:
        """Return the number of the version that app `slug` has."""
        rows = self._rows(
            "SELECT number FROM apps a LEFT JOIN compose_versions v ON v.id = a.current_version_id "
            "WHERE a.slug = ? ORDER BY a.id DESC",
            slug,
        )
        number: int | None = rows[0]["number"]
        return number

    def exists(self, slug: str) -> bool:
        """Tell whether there is an app `slug` that was not removed."""
        return bool(self._rows("SELECT id FROM apps WHERE slug = ? AND removed_at IS NULL", slug))

    def versions(self, slug: str) -> int:
        """Return how many versions the app `slug` has."""
        sql = "SELECT v.id FROM compose_versions v JOIN apps a ON a.id = v.app_id WHERE a.slug = ?"
        return len(self._rows(sql, slug))

    def audit(self, slug: str, action: str) -> list[str]:
        """Return the audit's entries of this kind about app `slug`, each as who, on what, and the rest."""
        columns, table = 'actor, "on", after', "accounts_auditentry"
        sql = f"SELECT {columns} FROM {table} WHERE action = ? AND app_slug = ? ORDER BY number"
        return ["|".join(tuple(row.values())) for row in self._rows(sql, action, slug)]

    def text(self, event_id: int) -> str:
        """Return the whole output of an event."""
        rows = self._rows("SELECT lines FROM deploy_logs WHERE event_id = ? ORDER BY first_seq", event_id)
        return "\n".join(text for row in rows for _at, _stream, text in json.loads(row["lines"]))

    def wait(self, slug: str, holds: Callable[[dict[str, Any]], bool], timeout: float = 60) -> dict[str, Any]:
        """Wait (seconds) until the newest event of `slug` is as `holds` wants it, and return it."""
        wait_until(
            lambda: (events := self.events(slug)) and holds(events[-1]),
            lambda: f"the newest event of {slug} is as wanted: {self.events(slug)[-1:]}",
            timeout=timeout,
        )
        return self.last(slug)

    def wait_for_step(self, slug: str, step: str, timeout: float = 60) -> dict[str, Any]:
        """Wait until the newest event of `slug` is in `step`."""
        return self.wait(slug, lambda event: event["step"] == step, timeout)

    def wait_for_end(self, slug: str, timeout: float = 120) -> dict[str, Any]:
        """Wait until the newest event of `slug` has ended."""
        return self.wait(slug, lambda event: event["status"] not in ACTIVE, timeout)

    def _rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=20)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, values)]

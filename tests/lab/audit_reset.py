"""How the audit is emptied between tests, which its triggers refuse."""

from typing import Any

from django.db import connection

from apps.accounts.audit import triggers
from apps.accounts.audit.chain import BEGINNING


def let_tests_empty_the_audit() -> None:
    """Make a flush of this process take the triggers away, begin the chain anew and put them back."""
    operations = type(connection.ops)
    flush = operations.sql_flush
    begin = f"INSERT INTO {triggers.HEAD} (id, number, hash) VALUES (1, 0, '{BEGINNING}')"

    def flush_audit_too(self: Any, *args: Any, **kwargs: Any) -> list[str]:
        vendor = self.connection.vendor
        return [
            *triggers.drop_statements(vendor),
            *flush(self, *args, **kwargs),
            begin,
            *triggers.create_statements(vendor),
        ]

    operations.sql_flush = flush_audit_too

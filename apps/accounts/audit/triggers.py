"""What the database itself refuses: to change or cut the audit, or to add to it out of order.

Whoever may drop triggers can still do all of that; `manage.py verify_audit` finds it afterwards.

On SQLite a migration that remakes one of the three tables takes their triggers with it: it must call
`drop` before and `install` after (a test looks that they are there).
"""

from django.db.backends.base.base import BaseDatabaseWrapper

ENTRIES = "accounts_auditentry"
HEAD = "accounts_audithead"
CHECKPOINTS = "accounts_auditcheckpoint"

APPEND_ONLY = "the audit is append-only"
OUT_OF_ORDER = "this is not the next place in the audit"

# Each: name, table, when it fires, the condition of what it refuses, the message.
_ORDERED = f"NEW.number <> (SELECT number FROM {HEAD}) + 1 OR NEW.previous <> (SELECT hash FROM {HEAD})"
_KEPT = f"OLD.number > COALESCE((SELECT MAX(through) FROM {CHECKPOINTS}), 0)"
_BEHIND = (
    f"NEW.through <= COALESCE((SELECT MAX(through) FROM {CHECKPOINTS}), 0)"
    f" OR NOT EXISTS (SELECT 1 FROM {ENTRIES} WHERE number = NEW.through AND hash = NEW.hash)"
)
_NOT_MOVED_ON = (
    "NEW.number <> OLD.number + 1 OR NEW.id <> OLD.id"
    f" OR NOT EXISTS (SELECT 1 FROM {ENTRIES} WHERE number = NEW.number AND hash = NEW.hash)"
)
_REFUSALS: tuple[tuple[str, str, str, str, str], ...] = (
    ("audit_entry_in_order", ENTRIES, "INSERT", _ORDERED, OUT_OF_ORDER),
    ("audit_entry_unchanged", ENTRIES, "UPDATE", "", APPEND_ONLY),
    ("audit_entry_kept", ENTRIES, "DELETE", _KEPT, APPEND_ONLY),
    ("audit_head_single", HEAD, "INSERT", f"(SELECT COUNT(*) FROM {HEAD}) > 0", APPEND_ONLY),
    ("audit_head_moves_on", HEAD, "UPDATE", _NOT_MOVED_ON, APPEND_ONLY),
    ("audit_head_kept", HEAD, "DELETE", "", APPEND_ONLY),
    ("audit_checkpoint_in_order", CHECKPOINTS, "INSERT", _BEHIND, OUT_OF_ORDER),
    ("audit_checkpoint_unchanged", CHECKPOINTS, "UPDATE", "", APPEND_ONLY),
    ("audit_checkpoint_kept", CHECKPOINTS, "DELETE", "", APPEND_ONLY),
)
_MOVE_HEAD = "audit_head_follows"
# PostgreSQL's TRUNCATE passes the triggers of rows by.
_TRUNCATE = tuple((f"{table}_not_truncated", table) for table in (ENTRIES, HEAD, CHECKPOINTS))


def install(connection: BaseDatabaseWrapper) -> None:
    """Put the triggers in place."""
    with connection.cursor() as cursor:
        for statement in create_statements(connection.vendor):
            cursor.execute(statement)


def drop(connection: BaseDatabaseWrapper) -> None:
    """Take the triggers away."""
    with connection.cursor() as cursor:
        for statement in drop_statements(connection.vendor):
            cursor.execute(statement)


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the names of the triggers that are not in place or, on PostgreSQL, switched off."""
    query = (
        "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A')"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        present = {name for (name,) in cursor.fetchall()}
    return [name for name in _names(connection.vendor) if name not in present]


def create_statements(vendor: str) -> list[str]:
    """Return the SQL that makes the triggers on `vendor` ("sqlite" or "postgresql")."""
    return _postgresql() if vendor == "postgresql" else _sqlite()


def drop_statements(vendor: str) -> list[str]:
    """Return the SQL that removes them."""
    if vendor == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {name}" for name in _names(vendor)]
    tables = {name: table for name, table, *_rest in _REFUSALS} | dict(_TRUNCATE) | {_MOVE_HEAD: ENTRIES}
    return [
        statement
        for name in _names(vendor)
        for statement in (
            f"DROP TRIGGER IF EXISTS {name} ON {tables[name]}",
            f"DROP FUNCTION IF EXISTS {name}()",
        )
    ]


def _names(vendor: str) -> list[str]:
    names = [name for name, *_rest in _REFUSALS] + [_MOVE_HEAD]
    return names + [name for name, _table in _TRUNCATE] if vendor == "postgresql" else names


def _sqlite() -> list[str]:
    refusals = [
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} {f'WHEN {condition} ' if condition else ''}"
        f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        for name, table, event, condition, message in _REFUSALS
    ]
    follow = (
        f"CREATE TRIGGER {_MOVE_HEAD} AFTER INSERT ON {ENTRIES} "
        f"BEGIN UPDATE {HEAD} SET number = NEW.number, hash = NEW.hash; END"
    )
    return [*refusals, follow]


def _postgresql() -> list[str]:
    statements = []
    for name, table, event, condition, message in _REFUSALS:
        row = "OLD" if event == "DELETE" else "NEW"
        body = f"RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation';"
        if condition:
            body = f"IF {condition} THEN {body} END IF;"
        statements += [
            _function(name, f"{body} RETURN {row};"),
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
        ]
    statements += [
        _function(_MOVE_HEAD, f"UPDATE {HEAD} SET number = NEW.number, hash = NEW.hash; RETURN NULL;"),
        f"CREATE TRIGGER {_MOVE_HEAD} AFTER INSERT ON {ENTRIES} FOR EACH ROW EXECUTE FUNCTION {_MOVE_HEAD}()",
    ]
    for name, table in _TRUNCATE:
        refusal = f"RAISE EXCEPTION '{APPEND_ONLY}' USING ERRCODE = 'integrity_constraint_violation';"
        statements += [
            _function(name, refusal),
            f"CREATE TRIGGER {name} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
        ]
    return statements


def _function(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $audit$ BEGIN {body} END $audit$"

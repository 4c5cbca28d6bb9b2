"""What a change of a row was, field by field."""

from collections.abc import Iterable, Mapping

from django.db.models import Model

from apps.core.secret import Secret, UndecryptableError


def values(row: Model, fields: Iterable[str]) -> dict[str, object]:
    """Return what `row` holds in `fields`; of a foreign key the other row's number."""
    named = {field.name: field for field in row._meta.concrete_fields}
    return {name: named[name].value_from_object(row) for name in fields}


def stored(row: Model, fields: Iterable[str]) -> dict[str, object]:
    """Return what the database holds of `row` in `fields`; nothing where it is not stored yet.

    To be called inside the transaction that changes `row`, before that: it is locked until the end.
    """
    known = None if row.pk is None else type(row)._base_manager.select_for_update().filter(pk=row.pk).first()
    return {} if known is None else values(known, fields)


def only_changed(
    before: Mapping[str, object], after: Mapping[str, object]
) -> tuple[dict[str, object], dict[str, object]]:
    """Return of both those fields that differ."""
    names = [name for name in {**before, **after} if _differ(before.get(name), after.get(name))]
    return _those(names, before), _those(names, after)


def _differ(one: object, other: object) -> bool:
    try:
        return one != other
    except UndecryptableError:
        # A secret whose key is gone: what is set in its place is stored otherwise.
        assert isinstance(one, Secret), "only secrets are decrypted"
        assert isinstance(other, Secret), "a secret differs from anything else without being decrypted"
        return one.token() != other.token()


def _those(names: Iterable[str], fields: Mapping[str, object]) -> dict[str, object]:
    return {name: fields[name] for name in names if name in fields}

"""Model fields that several layers use."""

from typing import TYPE_CHECKING, Any

from django.db import models

from apps.core.secret import Secret

if TYPE_CHECKING:
    _TextField = models.TextField[Secret | str, Secret]
else:
    _TextField = models.TextField


class EncryptedTextField(_TextField):
    """A text kept as a Fernet token in the database and seen as a `Secret` in Python."""

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Secret | None:
        return None if value is None else Secret.from_token(value)

    def to_python(self, value: Any) -> Secret | None:
        return value if value is None or isinstance(value, Secret) else Secret(str(value))

    def get_prep_value(self, value: Any) -> str | None:
        secret = self.to_python(value)
        return None if secret is None else secret.token()

    def value_to_string(self, obj: models.Model) -> str:
        # Serializers (dumpdata) get the token, never the text.
        return self.value_from_object(obj).token()

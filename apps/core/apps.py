from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "apps.core"

    def ready(self) -> None:
        # Importing them registers the system checks.
        from apps.core import checks, key_checks  # noqa: F401

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "apps.core"

    def ready(self) -> None:
        # Importing it registers the system checks.
        from apps.core import checks  # noqa: F401

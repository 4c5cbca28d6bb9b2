from django.apps import AppConfig


class PanelConfig(AppConfig):
    name = "apps.panel"

    def ready(self) -> None:
        from apps.panel import access_changes, record_names

        access_changes.connect()
        record_names.translate_names()

from django.apps import AppConfig


class PanelConfig(AppConfig):
    name = "apps.panel"

    def ready(self) -> None:
        from apps.panel import record_names
        from apps.panel.consumers import access_changes

        access_changes.connect()
        record_names.translate_names()

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class ApplicationsConfig(AppConfig):
    name = "apps.applications"
    verbose_name = gettext_lazy("Apps")

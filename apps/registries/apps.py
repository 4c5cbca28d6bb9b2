from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class RegistriesConfig(AppConfig):
    name = "apps.registries"
    verbose_name = gettext_lazy("Registries")

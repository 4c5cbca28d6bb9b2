from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class DeploymentsConfig(AppConfig):
    name = "apps.deployments"
    verbose_name = gettext_lazy("Events")

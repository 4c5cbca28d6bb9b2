from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    verbose_name = gettext_lazy("Accounts")

    def ready(self) -> None:
        from apps.accounts.audit import sign_ins
        from apps.accounts.sign_in import recent, second_factor, sessions

        recent.connect()
        second_factor.connect()
        sessions.connect()
        sign_ins.connect()

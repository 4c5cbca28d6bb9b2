from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "apps.accounts"

    def ready(self) -> None:
        from apps.accounts.audit import sign_ins
        from apps.accounts.sign_in import recent, second_factor, sessions

        recent.connect()
        second_factor.connect()
        sessions.connect()
        sign_ins.connect()

"""The page where whoever has the terminal's code makes the first account."""

from typing import Any

from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from apps.accounts.actor import Actor
from apps.accounts.setup import AlreadyClaimed, claim, is_setup_code, is_unclaimed
from apps.panel.forms.account_by_code import AccountByCodeForm


class SetupForm(AccountByCodeForm):
    """The code from the terminal, and the name and password of the first administrator."""

    code_label = gettext_lazy("Code from the terminal")
    code_help = gettext_lazy("The part after the # of the link that the terminal shows.")
    wrong_code = gettext_lazy("This is not the code that the terminal shows.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs["autocapitalize"] = "characters"

    def is_good(self, code: str) -> bool:
        return is_setup_code(code)


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    """Make the first administrator and sign them in; once there is an account, there is no such page."""
    if not is_unclaimed():
        raise AlreadyClaimed(gettext("This panel has its administrator already."))
    form = SetupForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "setup.html", {"form": form}, status=400 if form.errors else 200)
    user = form.save(commit=False)
    by = Actor.stranger(request, user.get_username())
    login = Login(user=claim(form.cleaned_data["code"], user, by))
    return perform_login(request, login)

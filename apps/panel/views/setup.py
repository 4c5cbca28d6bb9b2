"""The page where whoever has the terminal's code makes the first account."""

from typing import Any

from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from django import forms
from django.contrib.auth.forms import UserCreationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from apps.accounts.actor import Actor
from apps.accounts.models import User
from apps.accounts.setup import AlreadyClaimed, claim, is_setup_code, is_unclaimed


class SetupForm(UserCreationForm):
    """The code, and the name and password of the first administrator."""

    code = forms.CharField(
        label="Code from the terminal",
        max_length=100,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
        help_text="The part after the # of the link that the terminal shows.",
    )

    field_order = ["code", "username", "password1", "password2"]

    class Meta(UserCreationForm.Meta):
        model = User

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-control"

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if not is_setup_code(code):
            raise forms.ValidationError("This is not the code that the terminal shows.", code="wrong")
        return code


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    """Make the first administrator and sign them in; once there is an account, there is no such page."""
    if not is_unclaimed():
        raise AlreadyClaimed("This panel has its administrator already.")
    form = SetupForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "setup.html", {"form": form}, status=400 if form.errors else 200)
    user = form.save(commit=False)
    by = Actor.stranger(request, user.get_username())
    login = Login(user=claim(form.cleaned_data["code"], user, by))
    return perform_login(request, login)

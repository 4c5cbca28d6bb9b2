"""Invitations by link: making, withdrawing and using them."""

from typing import Any, cast

from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from allauth.decorators import rate_limit
from django import forms
from django.contrib import messages
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.models import Role
from apps.accounts.policy import Permission
from apps.accounts.setup import is_unclaimed
from apps.accounts.sign_in.invitations import (
    MOST_DAYS,
    InvalidInvitation,
    NameTaken,
    invite,
    is_code,
    join,
    open_invitations,
    withdraw,
)
from apps.core.errors import Conflict
from apps.panel.access import recently_signed_in, signed_in
from apps.panel.forms.account_by_code import AccountByCodeForm


class InviteForm(forms.Form):
    """What the invited person gets, and how long the link is good."""

    role = forms.ChoiceField(
        label=gettext_lazy("Role for all apps"),
        required=False,
        choices=[("", gettext_lazy("None: only what the team gives")), *Role.choices],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    team = forms.ModelChoiceField(
        label=gettext_lazy("Team"),
        queryset=Group.objects.order_by("name"),
        required=False,
        empty_label=gettext_lazy("None"),
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Days"),
        min_value=1,
        max_value=MOST_DAYS,
        initial=3,
        help_text=format_lazy(
            gettext_lazy("After so many days the link is good for nothing: 1 to {most}."), most=MOST_DAYS
        ),
        widget=forms.NumberInput(attrs={"class": "form-control number-input"}),
    )


class JoinForm(AccountByCodeForm):
    """The code of an invitation, and the name and password of whoever it was sent to."""

    code_label = gettext_lazy("Code of the invitation")
    code_help = gettext_lazy("The part after the # of the link that you were sent.")
    wrong_code = gettext_lazy("This invitation was used, withdrawn, or has run out.")

    def is_good(self, code: str) -> bool:
        return is_code(code)

    def add_error(self, field: str | None, error: Any) -> None:
        # Whoever has no invitation is not told which names there are.
        if not self.has_error("code"):
            super().add_error(field, error)


@signed_in
@recently_signed_in
@require_http_methods(["GET", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The open invitations, and making one, whose link is shown this once."""
    policy.require(request.user, Permission.MANAGE_PEOPLE)
    form, link = InviteForm(request.POST if request.method == "POST" else None), ""
    if form.is_valid():
        data = form.cleaned_data
        _made, code = invite(data["role"], data["team"], data["days"], Actor.from_request(request))
        # In the fragment: browsers send it to no server, so no log and no Referer has it.
        link = f"{request.build_absolute_uri(reverse('join'))}#{code.reveal()}"
        form = InviteForm()
    context = {"invitations": open_invitations(), "form": form, "link": link}
    return render(request, "invitations.html", context, status=400 if form.is_bound else 200)


@signed_in
@recently_signed_in
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Make an invitation useless."""
    policy.require(request.user, Permission.MANAGE_PEOPLE)
    withdraw(pk, Actor.from_request(request))
    messages.success(request, gettext("The invitation was withdrawn."))
    return redirect("invitations")


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
@rate_limit(action="signup")
def use(request: HttpRequest) -> HttpResponse:
    """Make an account by an invitation, and sign in with it."""
    if is_unclaimed():
        return render(request, "account/unclaimed.html", status=403)
    if request.user.is_authenticated:
        raise Conflict(gettext("You have an account already. Sign out first, then open the link again."))
    form = JoinForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        user = form.save(commit=False)
        by = Actor.stranger(request, user.get_username())
        try:
            joined = join(form.cleaned_data["code"], user, by)
        except InvalidInvitation as error:
            form.add_error("code", str(error))
        except NameTaken as error:
            form.add_error("username", str(error))
        else:
            return cast(HttpResponse, perform_login(request, Login(user=joined)))
    return render(request, "account/join.html", {"form": form}, status=400 if form.is_bound else 200)

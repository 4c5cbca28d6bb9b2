"""Tokens: one's own, and for administrators those of machines and of everybody."""

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts import policy, tokens
from apps.accounts.actor import Actor
from apps.accounts.models import Role, Token, User
from apps.accounts.policy import Permission
from apps.applications.models import App
from apps.core.errors import DomainError
from apps.panel.access import recently_signed_in, signed_in

# What tokens may be for, in words for people.
_WORDS: dict[str, Any] = {
    Permission.VIEW: gettext_lazy("See apps, versions, events and their logs"),
    Permission.READ_LOGS: gettext_lazy("Read what the containers of apps print"),
    Permission.OPERATE: gettext_lazy("Stop, start, restart, scale, roll back, cancel"),
    Permission.DEPLOY: gettext_lazy("Deploy new content"),
    Permission.CONFIGURE: gettext_lazy("Change settings of apps"),
    Permission.REMOVE: gettext_lazy("Remove apps"),
    Permission.ADOPT: gettext_lazy("Adopt projects"),
    Permission.PRUNE: gettext_lazy("Prune the engine"),
    Permission.VIEW_AUDIT: gettext_lazy("Read the audit"),
}


class TokenForm(forms.Form):
    """What a new token is called, for whom and what it is, and how long."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("What will use it: deploy job of the shop, backup script …"),
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    user = forms.ModelChoiceField(
        label=gettext_lazy("Stands for"),
        queryset=User.objects.none(),
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    permissions = forms.MultipleChoiceField(
        label=gettext_lazy("It may"),
        choices=[(permission.value, _WORDS[permission]) for permission in tokens.PERMISSIONS],
        initial=[Permission.VIEW.value],
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        help_text=gettext_lazy("Never more than the account that it stands for."),
    )
    apps = forms.MultipleChoiceField(
        label=gettext_lazy("On these apps"),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        help_text=gettext_lazy("None chosen: on all of them, those that come later too."),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Days until it expires"),
        min_value=1,
        max_value=tokens.MOST_DAYS,
        initial=tokens.DEFAULT_DAYS,
        widget=forms.NumberInput(attrs={"class": "form-control number-input"}),
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        accounts = User.objects.filter(pk=by.pk)
        if policy.allows(by, Permission.MANAGE_PEOPLE):
            accounts |= User.objects.filter(is_machine=True, is_active=True)
        user = cast(forms.ModelChoiceField, self.fields["user"])
        user.queryset = accounts.order_by("is_machine", "username")
        user.initial = by
        visible = policy.visible(by, App.objects.live())
        cast(forms.MultipleChoiceField, self.fields["apps"]).choices = [
            (str(pk), slug) for pk, slug in visible.values_list("pk", "slug")
        ]


class MachineForm(forms.Form):
    """The name of a new machine, and its role for all apps."""

    machine = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=150,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        label=gettext_lazy("Role for all apps"),
        required=False,
        choices=[
            (role, Role(role).label if role else gettext_lazy("None; roles on single apps"))
            for role in tokens.MACHINE_ROLES
        ],
        widget=forms.Select(attrs={"class": "form-select"}),
    )


@signed_in
@recently_signed_in
@require_http_methods(["GET", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The tokens that one may manage, and making one; its text is in the answer to that, and never again."""
    by = Actor.from_request(request)
    assert by.user is not None, "somebody is signed in"
    form = TokenForm(request.POST or None, by=by.user)
    made: tuple[Token, str] | None = None
    if form.is_valid():
        data = form.cleaned_data
        apps = [int(pk) for pk in data["apps"]] or None
        try:
            made = tokens.make(
                data["user"], data["name"], by, permissions=data["permissions"], apps=apps, days=data["days"]
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            form = TokenForm(by=by.user)
    return _page(request, by.user, form=form, made=made)


@signed_in
@recently_signed_in
@require_POST
def machine(request: HttpRequest) -> HttpResponse:
    """Make the account of a machine."""
    policy.require(request.user, Permission.MANAGE_PEOPLE)
    by = Actor.from_request(request)
    assert by.user is not None, "somebody is signed in"
    form = MachineForm(request.POST)
    if form.is_valid():
        try:
            made = tokens.make_machine(form.cleaned_data["machine"], form.cleaned_data["role"], by)
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(
                request,
                gettext("%(user)s is a machine of this panel now. Make a token for it.")
                % {"user": made.username},
            )
            return redirect("tokens")
    return _page(request, by.user, machine_form=form)


@signed_in
@recently_signed_in
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End a token."""
    by = Actor.from_request(request)
    assert by.user is not None, "somebody is signed in"
    token = tokens.get(pk, by.user)
    tokens.revoke(token, by)
    messages.success(
        request,
        gettext("The token %(name)s was revoked. Nothing can use it any more.") % {"name": token.name},
    )
    return redirect("tokens")


def _page(
    request: HttpRequest,
    user: User,
    *,
    form: TokenForm | None = None,
    machine_form: MachineForm | None = None,
    made: tuple[Token, str] | None = None,
) -> HttpResponse:
    found = list(tokens.manageable_by(user))
    slugs = dict(App.objects.values_list("pk", "slug"))
    may_manage = policy.allows(user, Permission.MANAGE_PEOPLE)
    refused = any(one is not None and one.is_bound for one in (form, machine_form)) and made is None
    context = {
        "rows": [
            (one, _on(one, slugs), [p for p in tokens.PERMISSIONS if p in one.permissions]) for one in found
        ],
        "form": form or TokenForm(by=user),
        "machine_form": (machine_form or MachineForm()) if may_manage else None,
        "made": made,
    }
    return render(request, "account/tokens.html", context, status=400 if refused else 200)


def _on(token: Token, slugs: dict[int, str]) -> str:
    if token.apps is None:
        return gettext("all apps")
    return ", ".join(slugs.get(pk, gettext("an app that is gone")) for pk in token.apps)

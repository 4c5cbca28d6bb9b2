"""What contents may ask of the host: the exceptions from the Compose policy, for an app, a role or a team."""

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.models import Role
from apps.accounts.policy import Permission
from apps.applications.host_rules import allowances
from apps.applications.host_rules.rules import HostRule
from apps.applications.models import App
from apps.core.errors import DomainError
from apps.panel.access import find_app, recently_signed_in, signed_in


class AllowanceForm(forms.Form):
    """What is to be allowed, and why."""

    rule = forms.ChoiceField(
        label=gettext_lazy("What"),
        choices=[("", gettext_lazy("Choose …")), *HostRule.choices],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    subject = forms.CharField(
        label=gettext_lazy("Only"),
        required=False,
        max_length=500,
        widget=forms.TextInput(
            attrs={"class": "form-control", "autocapitalize": "off", "spellcheck": "false"}
        ),
        help_text=gettext_lazy(
            "Just this: a path with what lies below it, a capability, the name of a network "
            "or volume … Empty: all that it is about."
        ),
    )
    reason = forms.CharField(
        label=gettext_lazy("Why"), max_length=500, widget=forms.TextInput(attrs={"class": "form-control"})
    )


class PanelAllowanceForm(AllowanceForm):
    """The same, and for which role or team."""

    to = forms.ChoiceField(
        label=gettext_lazy("Role or team"), widget=forms.Select(attrs={"class": "form-select"})
    )
    field_order = ("to", "rule", "subject", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._teams = {f"team {team.pk}": team for team in Group.objects.order_by("name")}
        choices: list[Any] = [("", gettext("Choose …"))]
        choices.append((gettext("Roles"), [(role.value, Role(role).label) for role in allowances.ROLES]))
        if self._teams:
            choices.append((gettext("Teams"), [(key, team.name) for key, team in self._teams.items()]))
        cast(forms.ChoiceField, self.fields["to"]).choices = choices

    @property
    def to_whom(self) -> Group | str:
        """The role or the team of a valid form."""
        chosen: str = self.cleaned_data["to"]
        return self._teams.get(chosen, chosen)


@signed_in
@recently_signed_in
@require_http_methods(["GET", "POST"])
def of_app(request: HttpRequest, slug: str) -> HttpResponse:
    """What the contents of one app may ask of the host, whoever deploys them."""
    app = find_app(request, slug, Permission.MANAGE_HOST_RULES)
    form = AllowanceForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _allowed(request, app, form):
        return redirect("app-host-rules", slug)
    return _page(request, app, form)


@signed_in
@recently_signed_in
@require_POST
def withdraw_of_app(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take back what an app was allowed."""
    app = find_app(request, slug, Permission.MANAGE_HOST_RULES)
    _withdraw(request, app, pk)
    return redirect("app-host-rules", slug)


@signed_in
@recently_signed_in
@require_http_methods(["GET", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """What roles and teams may ask of the host, on each app where somebody has them."""
    policy.require(request.user, Permission.MANAGE_HOST_RULES)
    form = PanelAllowanceForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _allowed(request, form.to_whom, form):
        return redirect("host-rules")
    return _page(request, None, form)


@signed_in
@recently_signed_in
@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back what a role or a team was allowed."""
    policy.require(request.user, Permission.MANAGE_HOST_RULES)
    _withdraw(request, None, pk)
    return redirect("host-rules")


def _allowed(request: HttpRequest, to: App | Group | str, form: AllowanceForm) -> bool:
    data = form.cleaned_data
    try:
        made = allowances.allow(
            to, data["rule"], Actor.from_request(request), reason=data["reason"], subject=data["subject"]
        )
    except DomainError as error:
        form.add_error(None, str(error))
        return False
    messages.success(request, gettext("Allowed: %(made)s.") % {"made": made})
    return True


def _withdraw(request: HttpRequest, app: App | None, pk: int) -> None:
    gone = allowances.withdraw(app, pk, Actor.from_request(request))
    messages.success(
        request,
        gettext("No longer allowed: %(gone)s. What runs goes on until the next deploy.") % {"gone": gone},
    )


def _page(request: HttpRequest, app: App | None, form: AllowanceForm) -> HttpResponse:
    context = {"app": app, "form": form, "allowances": allowances.allowances_of(app)}
    template = "app_host_rules.html" if app else "host_rules.html"
    return render(request, template, context, status=400 if form.is_bound else 200)

"""Who may do what with one app: the roles that people and teams have on it."""

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts import grants
from apps.accounts.actor import Actor
from apps.accounts.models import User
from apps.accounts.policy import Permission
from apps.core.errors import DomainError
from apps.panel.access import find_app, recently_signed_in, signed_in


class GrantForm(forms.Form):
    """A person or a team, and the role that they are to have on an app."""

    to = forms.ChoiceField(
        label=gettext_lazy("Person or team"), widget=forms.Select(attrs={"class": "form-select"})
    )
    role = forms.ChoiceField(
        label=gettext_lazy("Role on this app"),
        choices=[(role.value, role.label) for role in grants.ON_AN_APP],
        widget=forms.Select(attrs={"class": "form-select"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = {f"person {one.pk}": one for one in User.objects.filter(is_active=True).order_by("username")}
        teams = {f"team {one.pk}": one for one in Group.objects.order_by("name")}
        self._subjects: dict[str, User | Group] = {**people, **teams}
        choices: list[Any] = [("", gettext("Choose …"))]
        for label, subjects in ((gettext("People"), people), (gettext("Teams"), teams)):
            if subjects:
                choices.append((label, [(key, str(one)) for key, one in subjects.items()]))
        cast(forms.ChoiceField, self.fields["to"]).choices = choices

    @property
    def subject(self) -> User | Group:
        """The person or the team of a valid form."""
        return self._subjects[self.cleaned_data["to"]]


@signed_in
@recently_signed_in
@require_http_methods(["GET", "POST"])
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Everybody who has a role on the app, and giving one to somebody."""
    app = find_app(request, slug, Permission.GRANT)
    form = GrantForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            grant = grants.give(app, form.subject, form.cleaned_data["role"], Actor.from_request(request))
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(
                request,
                gettext("%(who)s has the role %(role)s on %(app)s now.")
                % {"who": grant.subject, "role": grant.get_role_display(), "app": app.slug},
            )
            return redirect("app-access", slug)
    context = {
        "app": app,
        "form": form,
        "grants": grants.grants_on(app),
        "people": grants.people_with_all_apps(),
        "teams": grants.teams_with_all_apps(),
    }
    return render(request, "app_access.html", context, status=400 if form.is_bound else 200)


@signed_in
@recently_signed_in
@require_POST
def take(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take somebody's role on the app away."""
    app = find_app(request, slug, Permission.GRANT)
    grant = grants.take(app, pk, Actor.from_request(request))
    messages.success(
        request,
        gettext("%(subject)s has no role of their own on %(slug)s any more.")
        % {"subject": grant.subject, "slug": app.slug},
    )
    if grant.user == request.user:
        # With it this page may be gone for them.
        return redirect("apps")
    return redirect("app-access", slug)

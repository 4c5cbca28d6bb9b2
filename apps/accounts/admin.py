"""People and their roles, for administrators."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, UserCreationForm, UsernameField
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy

from apps.accounts.actor import Actor
from apps.accounts.admin_access import PolicyAdmin
from apps.accounts.audit.admin import AuditAdmin
from apps.accounts.models import Role, User
from apps.accounts.people import (
    LastAdministrator,
    add_person,
    change_person,
    has_history,
    is_last_administrator,
    recorded_password,
    recorded_teams,
    remove_person,
    require_another_administrator,
)
from apps.accounts.policy import Permission
from apps.accounts.teams import remove_team, role_for_all, save_team

__all__ = ["AuditAdmin", "PersonAdmin", "TeamAdmin"]

# Teams are Django's groups, without the permissions that Django gives them.
admin.site.unregister(Group)
# Allauth's own pages ask nothing of the policy.
admin.site.unregister(EmailAddress)
admin.site.unregister(UserSession)
admin.site.unregister(Authenticator)
admin.site.unregister([SocialAccount, SocialApp, SocialToken])


class PersonForm(forms.ModelForm):
    """An account; the role alone says what it may do, also for one made as a superuser."""

    class Meta:
        model = User
        fields = ("username", "role", "groups", "is_active", "first_name", "last_name", "email")
        labels = {"groups": gettext_lazy("Teams")}
        help_texts = {"groups": gettext_lazy("What these teams may do, they may too.")}
        field_classes = {"username": UsernameField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.is_superuser:
            self.initial["role"] = Role.ADMINISTRATOR

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        is_one = cleaned.get("role") == Role.ADMINISTRATOR or any(
            role_for_all(team) == Role.ADMINISTRATOR for team in cleaned.get("groups", ())
        )
        if is_one and self.instance.is_machine:
            raise forms.ValidationError(gettext("A machine cannot be an administrator."), code="machine")
        if not (is_one and cleaned.get("is_active")) and not self.errors:
            try:
                require_another_administrator(self.instance)
            except LastAdministrator as error:
                raise forms.ValidationError(str(error), code="last_administrator") from None
        return cleaned


class NewPersonForm(UserCreationForm):
    """A new account with its first password."""

    class Meta(UserCreationForm.Meta):
        model = User
        fields = ("username", "role")


class PasswordForm(AdminPasswordChangeForm):
    """A new password for somebody; there is no other way to sign in, so it cannot be switched off."""

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.fields.pop("usable_password", None)


@admin.register(User)
class PersonAdmin(PolicyAdmin, UserAdmin):
    to_view = to_add = to_change = to_delete = Permission.MANAGE_PEOPLE
    secret_fields = ("password",)
    # Each removal is checked by itself: there is no bulk one.
    actions = None
    form = PersonForm
    add_form = NewPersonForm
    change_password_form = PasswordForm
    list_display = ("username", "role_name", "teams", "is_machine", "is_active", "last_login", "date_joined")
    list_filter = ("role", "groups", "is_machine", "is_active")
    readonly_fields = ("password_link", "last_login", "date_joined")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "role", "groups", "is_active", "password_link")}),
        (gettext_lazy("Person"), {"fields": ("first_name", "last_name", "email")}),
        (gettext_lazy("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "role", "password1", "password2")}),
    )

    @admin.display(description=gettext_lazy("role"), ordering="role")
    def role_name(self, person: User) -> str:
        role = Role.ADMINISTRATOR if person.is_superuser else person.role
        return str(Role(role).label) if role else gettext("none of their own")

    @admin.display(description=gettext_lazy("password"))
    def password_link(self, person: User) -> str:
        address = reverse("admin:auth_user_password_change", args=[person.pk])
        return format_html('<a href="{}">{}</a>', address, gettext("Set a new password"))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if not super().has_delete_permission(request, obj):
            return False
        return obj is None or not (is_last_administrator(obj) or has_history(obj))

    def changed_fields(self, form: Any) -> list[str]:
        return [*super().changed_fields(form), "is_superuser"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description=gettext_lazy("teams"))
    def teams(self, person: User) -> str:
        return ", ".join(team.name for team in person.groups.all())

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        # The role is the one word about what somebody may do; the flag must not outlive it.
        obj.is_superuser = obj.is_superuser and obj.role in ("", Role.ADMINISTRATOR)
        by = Actor.from_request(request)
        if change:
            change_person(obj, self.changed_fields(form), by)
        else:
            add_person(obj, by)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        with recorded_teams(form.instance, Actor.from_request(request)):
            super().save_related(request, form, formsets, change)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        person = self.get_object(request, unquote(id))
        if person is None:
            return super().user_change_password(request, id, form_url)
        with recorded_password(person, Actor.from_request(request)):
            return super().user_change_password(request, id, form_url)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        remove_person(obj, Actor.from_request(request))


class TeamForm(forms.ModelForm):
    """A team: its people, and what they may do with all apps; roles on single apps are given there."""

    role = forms.ChoiceField(
        label=gettext_lazy("Role for all apps"),
        choices=[("", gettext_lazy("None: only what is given on single apps")), *Role.choices],
        required=False,
    )
    members = forms.ModelMultipleChoiceField(
        User.objects.order_by("username"),
        required=False,
        widget=FilteredSelectMultiple(gettext_lazy("people"), is_stacked=False),
    )

    class Meta:
        model = Group
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["role"] = role_for_all(self.instance)
            self.initial["members"] = self.instance.user_set.all()


@admin.register(Group)
class TeamAdmin(PolicyAdmin):
    to_view = to_add = to_change = to_delete = Permission.MANAGE_PEOPLE
    # Each removal is checked by itself: there is no bulk one.
    actions = None
    form = TeamForm
    list_display = ("name", "role_name", "size")
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name", "role", "members")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).prefetch_related("grants", "user_set")

    @admin.display(description=gettext_lazy("role for all apps"))
    def role_name(self, team: Group) -> str:
        role = next((grant.role for grant in team.grants.all() if grant.app_id is None), "")
        return str(Role(role).label) if role else gettext("none")

    @admin.display(description=gettext_lazy("people"))
    def size(self, team: Group) -> int:
        return len(team.user_set.all())

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        data = form.cleaned_data
        save_team(obj, data["name"], data["role"], data["members"], Actor.from_request(request))

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        remove_team(obj, Actor.from_request(request))

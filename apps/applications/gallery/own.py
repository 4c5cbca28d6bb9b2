"""Templates that people save from apps: who sees and changes them, and how they come and go."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.accounts.audit.changes import only_changed, stored, values
from apps.accounts.models import User
from apps.accounts.policy import Permission
from apps.applications import environment
from apps.applications.content import Content
from apps.applications.gallery.variables import MAX_VARIABLES, Kind, Variable, is_name, problem_with
from apps.applications.models import AppTemplate, ComposeVersion
from apps.applications.secret_names import sounds_secret
from apps.applications.services import line_of_text
from apps.core.errors import Conflict, DomainError, NotAllowed, NotFound

_FIELDS = ("name", "description", "yaml", "variables", "team")


class InvalidTemplate(DomainError):
    """A template that cannot be saved so."""


class TemplateChanged(Conflict):
    """A change of a template by somebody who has not seen the last one."""


def templates_for(user: User) -> QuerySet[AppTemplate]:
    """Return the templates that `user` may start from: everybody's, their teams', and their own."""
    policy.require(user, Permission.DEPLOY)
    templates = AppTemplate.objects.select_related("team")
    if policy.allows(user, Permission.MANAGE_TEMPLATES):
        return templates
    return templates.filter(Q(team=None) | Q(team__in=user.groups.values("pk")) | Q(made_by_user=user))


def get_template(pk: int, user: User, *, to_change: bool = False) -> AppTemplate:
    """Return template `pk`. Raises NotFound where `user` does not see it, NotAllowed where they may not."""
    template = templates_for(user).filter(pk=pk).first()
    if template is None:
        raise NotFound(_("There is no template %(number)s.") % {"number": pk})
    if to_change and not may_change(template, user):
        raise NotAllowed(_("Only who saved a template, or who manages all of them, changes it."))
    return template


def may_change(template: AppTemplate, user: User) -> bool:
    """Tell whether `user` may change and delete `template`: their own, or with the permission all."""
    is_own = template.made_by_user_id == user.pk and policy.allows(user, Permission.DEPLOY)
    return is_own or policy.allows(user, Permission.MANAGE_TEMPLATES)


def teams_for(template: AppTemplate, user: User) -> QuerySet[Group]:
    """Return the teams that `user` can give `template` to: it may stay that of one that they left."""
    teams = Group.objects.order_by("name")
    if policy.allows(user, Permission.MANAGE_TEMPLATES):
        return teams
    return teams.filter(Q(pk__in=user.groups.values("pk")) | Q(pk=template.team_id))


def state_of(template: AppTemplate) -> str:
    """Return what is another one after each change of `template`; empty before the first."""
    return template.changed_at.isoformat() if template.pk else ""


def variables_of(template: AppTemplate) -> list[Variable]:
    """Return what `template` asks for."""
    return [Variable.stored(told) for told in template.variables]


def proposed_variables(version: ComposeVersion) -> list[Variable]:
    """Return a variable for each name in the environment of `version`; no value of it is looked at."""
    names = dict.fromkeys(one.name for one in environment.parse(version.environment.reveal()).assignments)
    return [Variable(name, name, Kind.SECRET if sounds_secret(name) else Kind.TEXT) for name in names]


def save_template(
    template: AppTemplate,
    by: Actor,
    *,
    name: str,
    description: str,
    yaml: str,
    variables: Sequence[Variable],
    team: Group | None,
    seen: str = "",
) -> AppTemplate:
    """Store `template`, a new one too; with `seen`, only if that is still its `state_of`.

    Raises InvalidTemplate, InvalidText, InvalidContent, NotFound and TemplateChanged.
    """
    found = {
        "name": line_of_text(name, _("The name"), 100),
        "description": line_of_text(description, _("The description"), 500),
        "yaml": Content.read(yaml).yaml,
        "variables": [variable.record() for variable in _checked(variables)],
        "team": team,
    }
    if not found["name"]:
        raise InvalidTemplate(_("A template has a name."))
    with transaction.atomic():
        before = stored(template, (*_FIELDS, "changed_at"))
        _require_unchanged(template, before.pop("changed_at", None), seen)
        for field, value in found.items():
            setattr(template, field, value)
        if template.pk is None:
            template.made_by, template.made_by_user = by.name[:150], by.user
            template.save()
            told = {"name": template.name, "team": template.team_id}
            record(by, AuditAction.TEMPLATE_ADDED, f"template {template}", after=told)
            return template
        old, new = only_changed(before, values(template, _FIELDS))
        if new:
            template.save()
            record(by, AuditAction.TEMPLATE_CHANGED, f"template {template}", before=old, after=new)
    return template


def _require_unchanged(template: AppTemplate, changed_at: object, seen: str) -> None:
    if template.pk is None:
        return
    if not isinstance(changed_at, datetime):
        raise NotFound(_("There is no template %(number)s.") % {"number": template.pk})
    if seen and seen != changed_at.isoformat():
        raise TemplateChanged(
            _(
                "Somebody else changed %(template)s while you were writing. Nothing was saved. Look at it in "
                "another tab, and save again to put yours in its place."
            )
            % {"template": template}
        )


def remove_template(template: AppTemplate, by: Actor) -> None:
    """Delete `template`; apps that were made from it stay as they are."""
    with transaction.atomic():
        record(by, AuditAction.TEMPLATE_REMOVED, f"template {template}", before={"name": template.name})
        template.delete()


def _checked(variables: Iterable[Variable]) -> list[Variable]:
    known = list(variables)
    if len(known) > MAX_VARIABLES:
        raise InvalidTemplate(_("A template asks for at most %(most)s variables.") % {"most": MAX_VARIABLES})
    for variable in known:
        if not is_name(variable.name):
            raise InvalidTemplate(
                _("%(name)s is no name for a variable: letters, digits and _ only.")
                % {"name": repr(variable.name[:50])}
            )
        if variable.kind not in (Kind.TEXT, Kind.PORT, Kind.SECRET, Kind.PASSWORD):
            raise InvalidTemplate(_("%(name)s has an unknown kind.") % {"name": variable.name})
        if variable.is_secret and variable.default:
            raise InvalidTemplate(
                _("%(name)s is a secret, and a template holds none: leave its default empty.")
                % {"name": variable.name}
            )
        if variable.default and (problem := problem_with(variable, variable.default)):
            raise InvalidTemplate(
                _("The default of %(name)s: %(problem)s") % {"name": variable.name, "problem": problem}
            )
    if len({variable.name for variable in known}) < len(known):
        raise InvalidTemplate(_("Each variable stands once."))
    return known

"""What `manage.py app templates` and `manage.py app deploy --template` do."""

from collections.abc import Iterable
from typing import Any

from django.utils.encoding import force_str

from apps.accounts.actor import Actor
from apps.applications import environment
from apps.applications.content import Content
from apps.applications.gallery import own
from apps.applications.gallery.builtin import BUILTIN, builtin
from apps.applications.gallery.variables import Kind, Variable, filled
from apps.applications.models import AppTemplate
from apps.core.errors import DomainError, NotFound
from apps.deployer.cli.acting import acting
from apps.deployer.cli.command import SUCCEEDED
from apps.deployer.cli.files import read_text
from apps.deployer.cli.output import Output


class InvalidSetting(DomainError):
    """An answer that is not written as NAME=VALUE, or that no command line may hold."""


def list_templates(options: dict[str, Any], output: Output) -> int:
    """List the templates, with the variables that each asks for."""
    found = [(one.key, force_str(one.name), list(one.variables)) for one in BUILTIN]
    found += [(str(one.pk), one.name, own.variables_of(one)) for one in _own(acting())]
    if output.as_json:
        records = [
            {"template": key, "name": name, "variables": [_told(variable) for variable in variables]}
            for key, name, variables in found
        ]
        output.json(records)
        return SUCCEEDED
    rows = [(key, name, " ".join(v.name for v in variables)) for key, name, variables in found]
    output.table(["TEMPLATE", "NAME", "VARIABLES"], rows)
    return SUCCEEDED


def content_from(options: dict[str, Any], by: Actor) -> Content:
    """Return what the template that `options` name makes of the answers in --set and --env-file.

    Raises NotFound, InvalidSetting, InvalidAnswers and InvalidContent.
    """
    yaml, variables = _template(options["template"], by)
    answers: dict[str, str] = {}
    if options["env_file"] is not None:
        answers |= environment.values(read_text(options["env_file"]))
    answers |= _settings(options["set"] or (), variables)
    return Content.read(yaml, filled(variables, answers))


def _told(variable: Variable) -> dict[str, object]:
    return variable.record() | {"label": force_str(variable.label), "help": force_str(variable.help)}


def _own(by: Actor) -> list[AppTemplate]:
    return list(AppTemplate.objects.all() if by.user is None else own.templates_for(by.user))


def _template(name: str, by: Actor) -> tuple[str, list[Variable]]:
    if found := builtin(name):
        return found.yaml, list(found.variables)
    saved = next((one for one in _own(by) if str(one.pk) == name), None)
    if saved is None:
        raise NotFound(f"There is no template {name[:100]}. List them: manage.py app templates")
    return saved.yaml, own.variables_of(saved)


def _settings(words: Iterable[str], variables: Iterable[Variable]) -> dict[str, str]:
    secret = {variable.name for variable in variables if variable.kind == Kind.PASSWORD}
    answers: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise InvalidSetting(f"{word[:50]!r} sets nothing. Write NAME=VALUE. Nothing was changed.")
        if name in secret:
            raise InvalidSetting(
                f"{name} is a secret, and others on the machine can read a command line. Put it into a file "
                "and name that with --env-file (- for standard input). Nothing was changed."
            )
        answers[name] = value
    return answers

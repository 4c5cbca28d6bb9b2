"""A real sign-in at a registry, to see whether a credential holds."""

from django.utils.translation import gettext

from apps.core.errors import DomainError
from apps.deployer.docker_config import docker_config
from apps.deployer.failures import explain
from apps.deployer.programs import docker_program
from apps.deployer.redaction import Redactor
from apps.deployer.runner import default_runner
from apps.deployer.runner.environment import process_environment
from apps.deployer.runner.interface import CommandRunner, collect
from apps.registries.models import RegistryCredential
from apps.registries.references import config_key

_TIMEOUT = 30.0  # seconds


class RegistryRefused(DomainError):
    """A registry that did not accept a credential, or did not answer."""


def check_login(credential: RegistryCredential, runner: CommandRunner | None = None) -> None:
    """Sign in at the registry of `credential`, the password going over standard input.

    What `docker login` writes goes to a memory-backed folder that is removed at once.
    Raises RegistryRefused, EngineProblem, UndecryptableError and NoMemoryFolder.
    """
    password = credential.password.reveal()
    argv = [
        docker_program(),
        "login",
        f"--username={credential.username}",
        "--password-stdin",
        config_key(credential.host),
    ]
    # With its entry there already: without one, `docker login` hands the password to the operator's own
    # credential store, for good (docker/cli, config/configfile: GetCredentialsStore).
    with docker_config([credential]) as folder:
        env = process_environment() | {"DOCKER_CONFIG": str(folder)}
        answer = collect(runner or default_runner(), argv, env=env, stdin=password.encode(), timeout=_TIMEOUT)
    if answer.ok:
        return
    lines = [
        line for line in Redactor(passwords=[password]).redact(answer.stderr).splitlines() if line.strip()
    ]
    reason = explain(lines, [credential.host]) or (lines[-1] if lines else "no answer")
    raise RegistryRefused(
        gettext("The sign-in at %(host)s as %(user)s failed: %(reason)s")
        % {"host": credential.host, "user": credential.username, "reason": reason}
    )

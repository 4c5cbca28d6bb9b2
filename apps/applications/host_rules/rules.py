"""What a Compose file can ask of the host, and who may ask it."""

from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext, gettext_lazy

Path = tuple[str, ...]


class HostRule(models.TextChoices):
    """One thing that a content can ask of the host, or of what is not the app's own."""

    PRIVILEGED = "privileged", gettext_lazy("Privileged containers")
    NAMESPACES = "namespaces", gettext_lazy("Namespaces of the host")
    CAPABILITIES = "capabilities", gettext_lazy("Added capabilities")
    DEVICES = "devices", gettext_lazy("Devices, GPUs and other runtimes")
    ENGINE_SOCKET = "engine_socket", gettext_lazy("The engine's socket")
    HOST_PATHS = "host_paths", gettext_lazy("Binds of paths outside of the app's folder")
    FILES = "files", gettext_lazy("Files outside of the app's folder that Compose or Docker reads")
    REMOTE = "remote", gettext_lazy("Files and build contexts from addresses")
    CONTAINERS = "containers", gettext_lazy("Containers that are not the app's")
    OTHER_APPS = "other_apps", gettext_lazy("Networks, volumes and names that are not the app's")
    SECURITY = "security", gettext_lazy("Weaker confinement (seccomp, AppArmor, labels)")
    KERNEL = "kernel", gettext_lazy("Kernel parameters and control groups of the host")
    NETWORK_DRIVERS = "network_drivers", gettext_lazy("Networks on the host's own interfaces")
    VOLUME_DRIVERS = "volume_drivers", gettext_lazy("Volumes of other drivers and network file systems")
    LOG_DRIVERS = "log_drivers", gettext_lazy("Log drivers that connect or read files as the engine")
    PROGRAMS = "programs", gettext_lazy("Programs of this machine that Compose starts")
    ENVIRONMENT = "environment", gettext_lazy("Variables that steer Docker's own programs")
    UNKNOWN = "unknown", gettext_lazy("Keys that the policy does not know")


# Their subjects are paths: who may use one may use what lies below it.
PATH_RULES = frozenset({HostRule.HOST_PATHS, HostRule.FILES, HostRule.DEVICES, HostRule.ENGINE_SOCKET})


@dataclass(frozen=True)
class Found:
    """One thing that a content asks of the host.

    `path` are the keys that lead to it; `hint` is a piece of the text that stands there, for its line.
    `subject` is what an exception can be narrowed to: a path, a capability, the name of a network.
    """

    rule: HostRule
    path: Path
    sentence: str
    subject: str = ""
    hint: str = ""
    place: tuple[int, int] | None = None  # line and column, where they are known already


def unknown(path: Path) -> Found:
    """Return what is told of a key that nobody has looked at."""
    return Found(
        HostRule.UNKNOWN,
        path,
        gettext("The policy does not know what %(path)r can ask of the host.") % {"path": path[-1]},
        subject=path[-1],
    )


@dataclass(frozen=True)
class HostRights:
    """What somebody may ask of the host for an app: everything, or {(rule, subject)}; no subject means any.

    `neighbours` are the projects of other apps whose names begin with this app's and a `_`.
    """

    is_everything: bool = False
    allowed: frozenset[tuple[str, str]] = frozenset()
    neighbours: frozenset[str] = frozenset()

    def allow(self, found: Found) -> bool:
        """Tell whether `found` may be asked for."""
        if self.is_everything or (found.rule, "") in self.allowed:
            return True
        if (found.rule, found.subject) in self.allowed:
            return bool(found.subject)
        return found.rule in PATH_RULES and any(
            rule == found.rule and found.subject.startswith(subject.rstrip("/") + "/")
            for rule, subject in self.allowed
        )


EVERYTHING = HostRights(is_everything=True)
NOTHING = HostRights()

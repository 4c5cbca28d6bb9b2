"""System checks: settings that are dangerous together, in the panel's own words."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.utils.translation import gettext, gettext_lazy

_TURN_ON = gettext_lazy(
    "Put a reverse proxy with a certificate before the panel, and set "
    "SIMPLEDEPLOY_TLS=1 and SIMPLEDEPLOY_TRUSTED_PROXIES to the proxy's address."
)


@register(Tags.security)
def tls_needs_a_trusted_proxy(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse settings under which each page would redirect to itself for ever."""
    if not settings.SIMPLEDEPLOY_TLS or settings.SIMPLEDEPLOY_TRUSTED_PROXIES:
        return []
    return [
        Error(
            gettext(
                "SIMPLEDEPLOY_TLS is on, but no proxy is trusted, so the panel cannot know who "
                "came over https."
            ),
            hint=gettext("Set SIMPLEDEPLOY_TRUSTED_PROXIES to the address of the proxy that ends TLS."),
            id="simpledeploy.E001",
        )
    ]


@register(Tags.security, deploy=True)
def tls_is_on(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Say what is off without TLS."""
    if settings.SIMPLEDEPLOY_TLS:
        return []
    return [
        Warning(
            gettext(
                "TLS is off: cookies are not marked as secure, browsers are not told to insist on "
                "https (HSTS), and nothing is redirected to it. That is right only while the "
                "panel is reached from this machine alone."
            ),
            hint=str(_TURN_ON),
            id="simpledeploy.W001",
        )
    ]


@register(Tags.security, deploy=True)
def dangerous_settings(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Warn about what lets strangers read along or speak for others; `manage.py serve` says it too."""
    found: list[CheckMessage] = []
    host, _ = settings.SIMPLEDEPLOY_BIND
    if not settings.SIMPLEDEPLOY_TLS and not _is_loopback(host):
        found.append(
            Warning(
                gettext(
                    "SIMPLEDEPLOY_BIND opens the panel to other machines (%(host)s) without TLS: "
                    "passwords and sessions cross the network readable."
                )
                % {"host": host},
                hint=str(_TURN_ON),
                id="simpledeploy.W002",
            )
        )
    if "*" in settings.ALLOWED_HOSTS:
        found.append(
            Warning(
                gettext(
                    "SIMPLEDEPLOY_ALLOWED_HOSTS lets the panel answer under any name, also one that a "
                    "stranger points at it."
                ),
                hint=gettext("List the names under which the panel is reached."),
                id="simpledeploy.W003",
            )
        )
    if any(network.prefixlen == 0 for network in settings.SIMPLEDEPLOY_TRUSTED_PROXIES):
        found.append(
            Warning(
                gettext("SIMPLEDEPLOY_TRUSTED_PROXIES believes everybody, so anybody can claim any address."),
                hint=gettext("List the proxies' own addresses or networks."),
                id="simpledeploy.W004",
            )
        )
    if settings.DEBUG:
        found.append(
            Warning(
                gettext("DEBUG is on: error pages show source code and settings."),
                hint=gettext("Turn it off."),
                id="simpledeploy.W005",
            )
        )
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

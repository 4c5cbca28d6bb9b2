"""Who asks, from where and how, when a proxy stands between."""

from collections.abc import Iterable, MutableMapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from django.conf import settings

_FOR, _PROTO, _HOST = b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"
# All that frameworks, libraries and logs are known to believe. Nothing behind this module sees them.
_SPOKEN_FOR_OTHERS = frozenset(
    (
        *(_FOR, _PROTO, _HOST),
        *(b"forwarded", b"x-forwarded", b"x-forwarded-port", b"x-forwarded-server", b"x-forwarded-ssl"),
        *(b"x-forwarded-scheme", b"x-forwarded-protocol", b"x-url-scheme", b"front-end-https"),
        *(b"x-real-ip", b"x-client-ip", b"true-client-ip", b"cf-connecting-ip", b"x-original-host"),
        *(b"x-original-url", b"x-rewrite-url", b"x-forwarded-prefix", b"x-script-name"),
    )
)
_Address = IPv4Address | IPv6Address
_Scope = MutableMapping[str, Any]


class TrustedProxies:
    """Put the client's true address, protocol and host into the scope of what `inner` serves.

    Only proxies of SIMPLEDEPLOY_TRUSTED_PROXIES are believed; the same headers from others are dropped.
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __call__(self, scope: _Scope, receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            scope = seen_by_client(scope, settings.SIMPLEDEPLOY_TRUSTED_PROXIES)
        await self.inner(scope, receive, send)


def seen_by_client(scope: _Scope, trusted: Iterable[IPv4Network | IPv6Network]) -> _Scope:
    """Return `scope` as it were if its client had asked without a proxy of the `trusted` networks."""
    trusted = tuple(trusted)
    web_socket = scope["type"] == "websocket"
    seen: _Scope = {**scope, "scheme": "ws" if web_socket else "http"}
    # Daphne takes it from a header of the client.
    seen["root_path"] = ""
    kept = [(name, value) for name, value in scope["headers"] if name.lower() not in _SPOKEN_FOR_OTHERS]
    peer = _address((scope.get("client") or ("",))[0])
    if peer is not None and _is_in(peer, trusted):
        client = _client(peer, _values(scope, _FOR), trusted)
        if client != peer:
            seen["client"] = [str(client), 0]
        if _values(scope, _PROTO)[-1:] == ["https"]:
            seen["scheme"] = "wss" if web_socket else "https"
        for host in _values(scope, _HOST)[-1:]:
            kept = [(name, value) for name, value in kept if name.lower() != b"host"]
            kept.append((b"host", host.encode("latin-1")))
    seen["headers"] = kept
    return seen


def _client(peer: _Address, passed_on: list[str], trusted: tuple[IPv4Network | IPv6Network, ...]) -> _Address:
    """Return the last address that no trusted proxy has, as each adds whom it was asked by at the end."""
    address = peer
    for text in reversed(passed_on):
        before = _address(text)
        if before is None or not _is_in(address, trusted):
            break
        address = before
    return address


def _values(scope: _Scope, wanted: bytes) -> list[str]:
    """Return what all headers named `wanted` list, in their order."""
    texts = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == wanted]
    return [part for text in texts for part in (part.strip() for part in text.split(",")) if part]


def _address(text: str) -> _Address | None:
    """Return the address in `text`, which may have a port (1.2.3.4:5, [::1]:5); None where it is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _is_in(address: _Address, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return any(address in network for network in networks)

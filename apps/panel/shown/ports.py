"""Published ports as an app's page shows them: ranges folded, and links where a browser can follow one."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from django.http import HttpRequest

# What publishes, as `containers.Container.ports` writes it: 127.0.0.1:8080->80/tcp, :::8080->80/tcp.
_PUBLISHED = re.compile(r"(?P<ip>.*):(?P<port>[0-9]+)->(?P<target>[0-9]+)/(?P<protocol>[a-z]+)")
_TLS_PORTS = frozenset({443, 4443, 6443, 8443, 9443, 10443})
# Ports of services that no browser talks to: FTP, SSH, mail, DNS, databases, queues, caches.
_NO_WEB_PORTS = frozenset(
    {20, 21, 22, 23, 25, 53, 110, 143, 389, 465, 587, 636, 993, 995, 1433, 1521, 1883, 2049, 3306, 3389}
    | {4222, 5222, 5432, 5671, 5672, 6379, 6432, 8883, 9042, 9092, 11211, 27017, 33060}
)
# So many neighbours become one range.
_RANGE = 3

_Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class PublishedPort:
    """One published port, or a range of them; `link` is empty where there is nothing to follow."""

    text: str
    link: str = ""
    on_reader: bool = False  # the link leads to the machine that the browser runs on


@dataclass(frozen=True)
class _Binding:
    ip: str
    protocol: str
    target: int
    port: int


def page_host(request: HttpRequest) -> str:
    """Return the host that the page was asked for by, without port; a loopback one only from this machine.

    Who names a loopback host from elsewhere sits behind something that rewrites it.
    """
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    is_near = _is_loopback(request.META.get("REMOTE_ADDR", ""))
    return "" if _is_loopback(host) and not is_near else host


def published_ports(ports: Iterable[str], host: str) -> list[PublishedPort]:
    """Return `ports` (as `Container.ports` writes them) as a page shows them that was asked for by `host`."""
    bindings, others = set[_Binding](), set[str]()
    for text in ports:
        found = _PUBLISHED.fullmatch(text)
        if found is None:
            others.add(text)
            continue
        ip = "" if found["ip"] in ("", "0.0.0.0", "::") else found["ip"]
        bindings.add(_Binding(ip, found["protocol"], int(found["target"]), int(found["port"])))
    shown: list[PublishedPort] = []
    for run in _runs(sorted(bindings, key=lambda b: (b.ip, b.protocol, b.port, b.target))):
        if len(run) >= _RANGE:
            shown.append(PublishedPort(_text(run[0], run[-1])))
        else:
            shown += [_one(binding, host) for binding in run]
    return shown + [PublishedPort(text) for text in sorted(others)]


def _runs(bindings: list[_Binding]) -> Iterable[list[_Binding]]:
    """Yield the bindings in groups whose ports, outside and inside, follow one another."""
    run: list[_Binding] = []
    for one in bindings:
        last = run[-1] if run else None
        follows = (
            last is not None
            and (last.ip, last.protocol) == (one.ip, one.protocol)
            and (last.port + 1, last.target + 1) == (one.port, one.target)
        )
        if run and not follows:
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _one(binding: _Binding, host: str) -> PublishedPort:
    link = _link(binding, host)
    return PublishedPort(_text(binding, binding), link, on_reader=bool(link) and _is_loopback(host))


def _text(first: _Binding, last: _Binding) -> str:
    def span(start: int, end: int) -> str:
        return str(start) if start == end else f"{start}-{end}"

    ip = f"[{first.ip}]" if ":" in first.ip else first.ip
    outside = f"{ip}:" if ip else ""
    outside += span(first.port, last.port)
    return f"{outside}->{span(first.target, last.target)}/{first.protocol}"


def _link(binding: _Binding, host: str) -> str:
    """Return the address that a browser opens, empty where it could not or would not."""
    if binding.protocol != "tcp" or not binding.port or binding.target in _NO_WEB_PORTS:
        return ""
    reached = _reached(binding.ip, host)
    if not reached:
        return ""
    is_tls = binding.target in _TLS_PORTS or binding.port in _TLS_PORTS
    where = f"[{reached}]" if ":" in reached else reached
    return f"{'https' if is_tls else 'http'}://{where}:{binding.port}/"


def _reached(ip: str, host: str) -> str:
    """Return the host by which a reader of a page at `host` reaches what is bound to `ip` ("": to all)."""
    if not ip:
        return host
    address = _address(ip)
    if address is None or address.is_multicast or address.is_link_local:
        return ""
    return ip if not address.is_loopback or _is_loopback(host) else ""


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _address(text: str) -> _Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None

"""Ports of this machine: what a Compose file publishes, what containers hold, and where two collide."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import psutil

from apps.core.sentences import sentence

_PUBLISHED = re.compile(
    r"(?:(?P<host>\S*):)?(?P<first>\d+)(?:-(?P<last>\d+))?->\d+(?:-\d+)?/(?P<protocol>\w+)"
)
_EVERY_IPV4 = frozenset({"", "0.0.0.0"})


@dataclass(frozen=True)
class Port:
    """A host port, or a range of which the engine takes one that is free; an empty host is every address."""

    host: str
    first: int
    last: int
    protocol: str  # tcp, udp, sctp

    def __str__(self) -> str:
        host = f"[{self.host}]:" if ":" in self.host else f"{self.host}:" if self.host else ""
        numbers = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        return f"{host}{numbers}/{self.protocol}"

    def numbers(self) -> range:
        return range(self.first, self.last + 1)


@dataclass(frozen=True)
class Holder:
    """Who holds a port: a container, another service of the file, or a program of this machine."""

    port: Port
    name: str  # as a phrase: container x of app y


def published(service: Mapping[str, Any]) -> list[Port]:
    """Return the host ports that a `service` of a resolved model asks for; those left to the engine are none.

    Compose has one entry for each port of a range, but where a single container port takes one of a range.
    """
    found = []
    for port in service.get("ports") or []:
        first, _, last = str(port.get("published") or "").partition("-")
        if first.isdecimal() and (not last or last.isdecimal()) and int(first):
            found.append(
                Port(port.get("host_ip") or "", int(first), int(last or first), port.get("protocol") or "tcp")
            )
    return found


def held(text: str) -> list[Port]:
    """Return the host ports in the column Ports of `docker ps`: 0.0.0.0:80->80/tcp, :::80->80/tcp ..."""
    return [
        Port(
            (match["host"] or "").strip("[]"),
            int(match["first"]),
            int(match["last"] or match["first"]),
            match["protocol"],
        )
        for match in _PUBLISHED.finditer(text)
    ]


def listening() -> list[Holder]:
    """Return the ports that programs of this machine listen on, as far as it tells."""
    found = set()
    for connection in psutil.net_connections(kind="inet"):
        is_udp = connection.type == 2  # socket.SOCK_DGRAM: no state; without a peer it takes what comes
        if (
            not connection.laddr
            or connection.raddr
            or not (is_udp or connection.status == psutil.CONN_LISTEN)
        ):
            continue
        found.add((connection.laddr.ip, connection.laddr.port, "udp" if is_udp else "tcp", connection.pid))
    return [
        Holder(Port(host, number, number, protocol), _program(pid))
        for host, number, protocol, pid in sorted(found, key=str)
    ]


def _program(pid: int | None) -> str:
    try:
        return (
            sentence("%(name)s (process %(pid)s) on this machine", name=psutil.Process(pid).name(), pid=pid)
            if pid
            else sentence("a program on this machine")
        )
    except psutil.Error:
        return sentence("a program on this machine")


def holders(port: Port, others: Iterable[Holder]) -> list[Holder]:
    """Return who of `others` stands in the way of `port`: of a range, only where no number of it is free."""
    near = [
        other
        for other in others
        if other.port.protocol == port.protocol and _meet(port.host, other.port.host)
    ]
    in_the_way = []
    for number in port.numbers():
        here = next((other for other in near if other.port.first <= number <= other.port.last), None)
        if here is None:
            return []
        in_the_way.append(here)
    return list(dict.fromkeys(in_the_way))


def _meet(one: str, other: str) -> bool:
    """Tell whether two addresses exclude each other for a port; `::` is every address of both kinds."""
    if one == other or "::" in (one, other) or {one, other} <= _EVERY_IPV4:
        return True
    if one in _EVERY_IPV4 or other in _EVERY_IPV4:
        specific = other if one in _EVERY_IPV4 else one
        # Without an address the engine publishes on IPv6 as well.
        return "" in (one, other) or _version(specific) == 4
    return False


def _version(host: str) -> int:
    try:
        return ip_address(host.partition("%")[0]).version
    except ValueError:
        return 4

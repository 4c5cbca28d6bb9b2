"""Which published ports a page makes links of, and where these lead."""

import pytest
from django.test import RequestFactory

from apps.panel.shown.ports import PublishedPort, page_host, published_ports

NAME, NEAR, OFFICE = "panel.example.com", "localhost", "192.168.1.20"


@pytest.mark.parametrize(
    ("port", "host", "link"),
    [
        ("0.0.0.0:8080->80/tcp", NAME, "http://panel.example.com:8080/"),
        (":::8080->80/tcp", NAME, "http://panel.example.com:8080/"),
        ("0.0.0.0:8080->80/tcp", "2001:db8::1", "http://[2001:db8::1]:8080/"),
        ("0.0.0.0:8080->80/tcp", NEAR, "http://localhost:8080/"),
        ("0.0.0.0:8080->80/tcp", "", ""),
        # What is bound to one address is reached there.
        ("203.0.113.5:8080->80/tcp", NAME, "http://203.0.113.5:8080/"),
        ("192.168.1.20:8080->80/tcp", OFFICE, "http://192.168.1.20:8080/"),
        ("2001:db8::7:8080->80/tcp", NAME, "http://[2001:db8::7]:8080/"),
        ("fe80::1:8080->80/tcp", NAME, ""),
        # The reader's own loopback is another machine's, unless they sit at this one.
        ("127.0.0.1:8080->80/tcp", NAME, ""),
        ("127.0.0.1:8080->80/tcp", OFFICE, ""),
        ("127.0.0.1:8080->80/tcp", "", ""),
        ("::1:8080->80/tcp", NAME, ""),
        ("127.0.0.1:8080->80/tcp", NEAR, "http://127.0.0.1:8080/"),
        ("127.0.0.1:8080->80/tcp", "127.0.0.1", "http://127.0.0.1:8080/"),
        ("::1:8080->80/tcp", "::1", "http://[::1]:8080/"),
        # By the port, and only what a browser talks to.
        ("0.0.0.0:443->8000/tcp", NAME, "https://panel.example.com:443/"),
        ("0.0.0.0:9000->8443/tcp", NAME, "https://panel.example.com:9000/"),
        ("0.0.0.0:15432->5432/tcp", NAME, ""),
        ("0.0.0.0:2222->22/tcp", NAME, ""),
        ("0.0.0.0:53->53/udp", NAME, ""),
        ("0.0.0.0:8443->443/udp", NAME, ""),
        ("what is this", NAME, ""),
    ],
)
def test_a_port_links_to_where_a_reader_reaches_it(port: str, host: str, link: str) -> None:
    (shown,) = published_ports([port], host)
    assert shown.link == link
    assert shown.on_reader == bool(link and host in (NEAR, "127.0.0.1", "::1"))


def test_both_families_are_one_port_and_neighbours_one_range() -> None:
    ports = {f"{ip}:{8000 + n}->{9000 + n}/tcp" for n in range(50) for ip in ("0.0.0.0", "::")}
    ports |= {"0.0.0.0:8060->80/tcp", "127.0.0.1:8050->9050/tcp", "0.0.0.0:8050->9050/udp", "odd"}
    ports |= {"0.0.0.0:7000->1/tcp", "0.0.0.0:7001->2/tcp", "0.0.0.0:7002->5/tcp"}

    assert [port.text for port in published_ports(ports, NAME)] == [
        "7000->1/tcp",
        "7001->2/tcp",
        "7002->5/tcp",
        "8000-8049->9000-9049/tcp",
        "8060->80/tcp",
        "8050->9050/udp",
        "127.0.0.1:8050->9050/tcp",
        "odd",
    ]
    assert published_ports(ports, NAME)[3] == PublishedPort("8000-8049->9000-9049/tcp")


@pytest.mark.parametrize(
    ("asked", "peer", "host"),
    [
        ("testserver", "10.0.0.1", "testserver"),
        ("testserver:8000", "10.0.0.1", "testserver"),
        ("localhost:8000", "127.0.0.1", "localhost"),
        ("[::1]:8000", "::1", "::1"),
        # A proxy elsewhere that asks by a name of its own machine.
        ("localhost:8000", "10.0.0.1", ""),
        ("127.0.0.1", "", ""),
    ],
)
def test_a_loopback_name_counts_only_from_this_machine(asked: str, peer: str, host: str) -> None:
    assert page_host(RequestFactory().get("/", HTTP_HOST=asked, REMOTE_ADDR=peer)) == host

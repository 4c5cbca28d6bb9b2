"""Which ports collide, and what a plan says of it."""

import socket
from typing import Any

import pytest

from apps.deployer.plan.ports import Holder, Port, held, holders, listening, published
from tests.deployer.plans import PROJECT, desired, existing, plan


def port(published: str = "8080", host: str = "", protocol: str = "tcp") -> dict[str, Any]:
    return {"target": 80, "published": published, "host_ip": host, "protocol": protocol}


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("", []),
        ("80/tcp", []),
        ("0.0.0.0:8080->80/tcp, :::8080->80/tcp", ["0.0.0.0:8080/tcp", "[::]:8080/tcp"]),
        ("[::1]:53->53/udp", ["[::1]:53/udp"]),
        ("127.0.0.1:90-92->90-92/tcp, 443/tcp", ["127.0.0.1:90-92/tcp"]),
    ],
)
def test_what_docker_says_that_a_container_holds(text, ports):
    assert [str(one) for one in held(text)] == ports


def test_what_a_file_publishes():
    ports = [port("80"), port("90-92", "127.0.0.1"), port("", "127.0.0.1"), {"target": 1}, port("0")]
    assert [str(one) for one in published({"ports": ports})] == ["80/tcp", "127.0.0.1:90-92/tcp"]


@pytest.mark.parametrize(
    ("wanted", "taken", "collide"),
    [
        (("", 80, 80, "tcp"), ("0.0.0.0", 80, 80, "tcp"), True),
        (("", 80, 80, "tcp"), ("", 81, 81, "tcp"), False),
        (("", 80, 80, "tcp"), ("", 80, 80, "udp"), False),
        (("", 80, 80, "tcp"), ("127.0.0.1", 80, 80, "tcp"), True),
        (("", 80, 80, "tcp"), ("::1", 80, 80, "tcp"), True),
        (("0.0.0.0", 80, 80, "tcp"), ("::1", 80, 80, "tcp"), False),
        (("127.0.0.1", 80, 80, "tcp"), ("127.0.0.2", 80, 80, "tcp"), False),
        (("127.0.0.1", 80, 80, "tcp"), ("::", 80, 80, "tcp"), True),
        (("", 81, 81, "tcp"), ("", 80, 85, "tcp"), True),
        (("", 80, 82, "tcp"), ("", 81, 81, "tcp"), False),  # another of the range is free
        (("", 80, 82, "tcp"), ("", 79, 90, "tcp"), True),
    ],
)
def test_two_ports_collide_where_they_exclude_each_other(wanted, taken, collide):
    assert bool(holders(Port(*wanted), [Holder(Port(*taken), "somebody")])) is collide


def test_a_program_that_listens_is_found_and_named():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        tcp, udp = server.getsockname()[1], datagrams.getsockname()[1]
        found = {(one.port.first, one.port.protocol): one.name for one in listening()}
    assert "on this machine" in found[tcp, "tcp"]
    assert (udp, "udp") in found


def clashes(services: dict[str, dict[str, Any]], *containers: Any, **engine: Any) -> list[str]:
    found = plan(desired(services), *containers, **engine).clashes
    return [f"{one.service}: {one.what}: {one.holder}" for one in found]


def test_two_services_of_a_file_cannot_have_the_same_port():
    services = {"a": {"ports": [port()]}, "b": {"ports": [port(host="127.0.0.1")]}}
    assert clashes(services) == ["b: port 127.0.0.1:8080/tcp: service a of this file"]


def test_two_containers_of_a_service_cannot_have_the_same_port():
    assert clashes({"a": {"scale": 2, "ports": [port()]}}) == [
        "a: port 8080/tcp: its own containers: 2 are asked for"
    ]
    assert clashes({"a": {"scale": 2, "ports": [port("8080-8081")]}}) == []
    assert clashes({"a": {"scale": 0, "ports": [port()]}, "b": {"ports": [port()]}}) == []


@pytest.mark.parametrize(
    ("project", "words"),
    [
        ("simpledeploy-tea", "container x of app tea"),
        ("by-hand", "container x of the project by-hand, which is not the panel's"),
        ("", "container x, which is not the panel's"),
    ],
)
def test_a_port_of_another_container_is_named(project, words):
    other = existing("x", name="x", project=project, ports=(Port("0.0.0.0", 8080, 8080, "tcp"),))
    assert clashes({"a": {"ports": [port()]}}, foreign=(other,)) == [f"a: port 8080/tcp: {words}"]


def test_a_stopped_container_and_the_apps_own_hold_no_port():
    ports = (Port("", 8080, 8080, "tcp"),)
    stopped = existing("x", project="other", state="exited", ports=ports)
    listens = (Holder(Port("0.0.0.0", 8080, 8080, "tcp"), "docker-proxy"),)
    own = existing("old", ports=ports)
    assert clashes({"a": {"ports": [port()]}}, own, foreign=(stopped,), listening=listens) == []


def test_a_container_of_an_idle_profile_keeps_its_port():
    own = existing("debug", ports=(Port("", 8080, 8080, "tcp"),))
    found = plan(desired({"a": {"ports": [port()]}}), own, idle=frozenset({"debug"})).clashes
    assert [one.holder for one in found] == [f"container {PROJECT}-debug-1 of app shop"]


def test_a_program_of_this_machine_holds_its_port():
    listens = (Holder(Port("::", 8080, 8080, "tcp"), "nginx (process 7) on this machine"),)
    assert clashes({"a": {"ports": [port()]}}, listening=listens) == [
        "a: port 8080/tcp: nginx (process 7) on this machine"
    ]
    assert clashes({"a": {"ports": [port(protocol="udp")]}}, listening=listens) == []


def test_a_container_name_of_somebody_else_is_told():
    other = existing("x", name="mine", project="")
    assert clashes({"a": {"container_name": "mine"}}, foreign=(other,)) == [
        "a: container name mine: container mine, which is not the panel's"
    ]

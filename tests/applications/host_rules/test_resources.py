import pytest

from apps.applications.host_rules.ground import Ground
from apps.applications.host_rules.resources import file_rules, model_rules, network_rules, volume_rules
from apps.applications.host_rules.rules import HostRule

NETWORKS = [
    ({"external": True, "name": "host"}, HostRule.NAMESPACES),
    ({"external": True, "name": "proxy"}, HostRule.OTHER_APPS),
    ({"external": True, "name": "simpledeploy-shop_own"}, HostRule.OTHER_APPS),
    ({"name": "simpledeploy-other_default"}, HostRule.OTHER_APPS),
    ({"name": "simpledeploy-shop_other"}, HostRule.OTHER_APPS),
    ({"driver": "macvlan"}, HostRule.NETWORK_DRIVERS),
    ({"driver": "ipvlan"}, HostRule.NETWORK_DRIVERS),
    ({"driver": "host"}, HostRule.NETWORK_DRIVERS),
    ({"driver_opts": {"parent": "eth0"}}, HostRule.NETWORK_DRIVERS),
    ({"driver_opts": {"com.docker.network.bridge.name": "docker0"}}, HostRule.NETWORK_DRIVERS),
    ({"ipam": {"driver": "plugin"}}, HostRule.NETWORK_DRIVERS),
    ({"ipam": {"config": [{"subnet": "8.8.8.0/24"}]}}, HostRule.NETWORK_DRIVERS),
    ({"ipam": {"config": [{"subnet": "0.0.0.0/1"}]}}, HostRule.NETWORK_DRIVERS),
    ({"of_tomorrow": 1}, HostRule.UNKNOWN),
]
VOLUMES = [
    ({"external": True, "name": "data"}, HostRule.OTHER_APPS),
    ({"name": "simpledeploy-other_data"}, HostRule.OTHER_APPS),
    ({"driver_opts": {"type": "none", "o": "bind", "device": "/srv"}}, HostRule.HOST_PATHS),
    ({"driver_opts": {"type": "none", "o": "rbind,ro", "device": "/srv"}}, HostRule.HOST_PATHS),
    ({"driver": "local", "driver_opts": {"o": "bind", "device": "/srv"}}, HostRule.HOST_PATHS),
    ({"driver_opts": {"device": "/srv"}}, HostRule.HOST_PATHS),
    ({"driver_opts": {"type": "ext4", "device": "/dev/sda1"}}, HostRule.HOST_PATHS),
    ({"driver_opts": {"type": "tmpfs", "o": "bind", "device": "/srv"}}, HostRule.HOST_PATHS),
    ({"driver_opts": {"type": "overlay", "o": "lowerdir=/", "device": "overlay"}}, HostRule.HOST_PATHS),
    ({"driver_opts": {"type": "none", "o": "bind", "device": "/run/docker.sock"}}, HostRule.ENGINE_SOCKET),
    ({"driver_opts": {"type": "nfs", "o": "addr=10.0.0.1", "device": ":/x"}}, HostRule.VOLUME_DRIVERS),
    ({"driver_opts": {"type": "cifs", "device": "//10.0.0.1/x"}}, HostRule.VOLUME_DRIVERS),
    ({"driver": "rclone"}, HostRule.VOLUME_DRIVERS),
    ({"of_tomorrow": 1}, HostRule.UNKNOWN),
]


@pytest.fixture
def ground(tmp_path):
    (tmp_path / "out").symlink_to("/etc")
    return Ground(tmp_path, "simpledeploy-shop")


@pytest.mark.parametrize(("network", "rule"), NETWORKS, ids=str)
def test_a_network_beyond_the_apps_own_is_found(network, rule, ground):
    assert [one.rule for one in network_rules({"own": network}, ground)] == [rule]


@pytest.mark.parametrize(("volume", "rule"), VOLUMES, ids=str)
def test_a_volume_beyond_the_apps_own_is_found(volume, rule, ground):
    assert [one.rule for one in volume_rules({"own": volume}, ground)] == [rule]


def test_what_is_the_apps_own_is_no_finding(ground):
    subnets = [{"subnet": "172.28.0.0/16"}, {"subnet": "fd00::/64"}, {"subnet": "100.64.0.0/16"}]
    networks = {
        "default": {"name": "simpledeploy-shop_default", "ipam": {}},
        "own": {"driver": "bridge", "internal": True, "ipam": {"config": subnets}},
        "mtu": {"driver_opts": {"com.docker.network.driver.mtu": "1400"}, "labels": {"a": "b"}},
        "bare": None,
    }
    volumes = {
        "data": {"name": "simpledeploy-shop_data"},
        "bare": None,
        "memory": {"driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": "size=100m"}},
    }
    assert [*network_rules(networks, ground), *volume_rules(volumes, ground)] == []


def test_a_key_that_makes_the_name_of_another_apps_volume_is_found():
    # Of the app `shop`, the volume `x_data` is named as `data` of the app `shop_x`, and Compose would use it.
    crowded = Ground("/srv/apps/shop", "simpledeploy-shop", neighbours=frozenset({"simpledeploy-shop_x"}))
    (one,) = volume_rules({"x_data": {}, "data": {}}, crowded)
    assert (one.rule, one.subject) == (HostRule.OTHER_APPS, "simpledeploy-shop_x_data")


@pytest.mark.parametrize("section", ["secrets", "configs"])
def test_files_of_secrets_and_configs_are_inside(section, ground):
    entries = {
        "in": {"file": "./secret.txt"},
        "value": {"environment": "TOKEN"},
        "text": {"content": "x"},
        "out": {"file": "/etc/shadow"},
        "link": {"file": "out/shadow"},
    }
    found = list(file_rules(section, entries, ground))
    assert [(one.rule, one.subject) for one in found] == [(HostRule.FILES, "/etc/shadow")] * 2
    assert found[0].path == (section, "out", "file")


def test_models_are_programs():
    assert [one.rule for one in model_rules({"llm": {"model": "x"}})] == [HostRule.PROGRAMS]

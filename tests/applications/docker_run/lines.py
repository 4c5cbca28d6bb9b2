"""Lines as people find them in the documents of images, and the services that they ask for."""

# ruff: noqa: E501 (lines stay as they were found)

from typing import Any

LINES: dict[str, tuple[str, dict[str, Any]]] = {
    "nginx": ("docker run --name some-nginx -d -p 8080:80 nginx", {"image": "nginx", "ports": ["8080:80"]}),
    "content": (
        "$ docker run --name some-nginx -v /some/content:/usr/share/nginx/html:ro -d nginx:alpine",
        {"image": "nginx:alpine", "volumes": ["/some/content:/usr/share/nginx/html:ro"]},
    ),
    "postgres": (
        "docker run -d \\\n\t--name some-postgres \\\n\t-e POSTGRES_PASSWORD=mysecretpassword \\\n"
        "\t-e PGDATA=/var/lib/postgresql/data/pgdata \\\n\t-v /custom/mount:/var/lib/postgresql/data \\\n\tpostgres",
        {
            "image": "postgres",
            "environment": {
                "POSTGRES_PASSWORD": "${POSTGRES_PASSWORD}",
                "PGDATA": "/var/lib/postgresql/data/pgdata",
            },
            "volumes": ["/custom/mount:/var/lib/postgresql/data"],
        },
    ),
    "postgres-settings": (
        "docker run -d --name p -e POSTGRES_PASSWORD=x postgres -c shared_buffers=256MB -c max_connections=200",
        {
            "image": "postgres",
            "command": ["-c", "shared_buffers=256MB", "-c", "max_connections=200"],
            "environment": {"POSTGRES_PASSWORD": "${POSTGRES_PASSWORD}"},
        },
    ),
    "mysql": (
        "docker run --name some-mysql -e MYSQL_ROOT_PASSWORD=my-secret-pw -d mysql:8 "
        "--character-set-server=utf8mb4 --collation-server=utf8mb4_unicode_ci",
        {
            "image": "mysql:8",
            "command": ["--character-set-server=utf8mb4", "--collation-server=utf8mb4_unicode_ci"],
            "environment": {"MYSQL_ROOT_PASSWORD": "${MYSQL_ROOT_PASSWORD}"},
        },
    ),
    "redis": (
        "docker run --name some-redis -d redis redis-server --save 60 1 --loglevel warning",
        {"image": "redis", "command": ["redis-server", "--save", "60", "1", "--loglevel", "warning"]},
    ),
    "uptime-kuma": (
        "docker run -d --restart=always -p 3001:3001 -v uptime-kuma:/app/data --name uptime-kuma "
        "louislam/uptime-kuma:1",
        {
            "image": "louislam/uptime-kuma:1",
            "restart": "always",
            "ports": ["3001:3001"],
            "volumes": ["uptime-kuma:/app/data"],
        },
    ),
    "portainer": (
        "docker run -d -p 8000:8000 -p 9443:9443 --name portainer --restart=always "
        "-v /var/run/docker.sock:/var/run/docker.sock -v portainer_data:/data portainer/portainer-ce:lts",
        {
            "image": "portainer/portainer-ce:lts",
            "restart": "always",
            "ports": ["8000:8000", "9443:9443"],
            "volumes": ["/var/run/docker.sock:/var/run/docker.sock", "portainer_data:/data"],
        },
    ),
    "pihole": (
        "docker run --name pihole -p 53:53/tcp -p 53:53/udp -p 80:80/tcp -e TZ=Europe/London "
        "-e FTLCONF_dns_listeningMode=all -v ./etc-pihole:/etc/pihole --cap-add NET_ADMIN "
        "--cap-add=SYS_TIME --dns=127.0.0.1 --dns 1.1.1.1 --restart unless-stopped pihole/pihole:latest",
        {
            "image": "pihole/pihole:latest",
            "restart": "unless-stopped",
            "environment": {"TZ": "Europe/London", "FTLCONF_dns_listeningMode": "all"},
            "ports": ["53:53/tcp", "53:53/udp", "80:80/tcp"],
            "volumes": ["./etc-pihole:/etc/pihole"],
            "cap_add": ["NET_ADMIN", "SYS_TIME"],
            "dns": ["127.0.0.1", "1.1.1.1"],
        },
    ),
    "jellyfin": (
        'docker run -d --name jellyfin --user 1000:1000 --net=host --volume "$(pwd)/config:/config" '
        "--mount type=bind,source=/media,target=/media,readonly --device /dev/dri:/dev/dri "
        "--restart=unless-stopped jellyfin/jellyfin",
        {
            "image": "jellyfin/jellyfin",
            "restart": "unless-stopped",
            "user": "1000:1000",
            "volumes": [
                "./config:/config",
                {"type": "bind", "source": "/media", "target": "/media", "read_only": True},
            ],
            "network_mode": "host",
            "devices": ["/dev/dri:/dev/dri"],
        },
    ),
    "homeassistant": (
        "docker run -d --name homeassistant --privileged --restart=unless-stopped -e TZ=MY_TIME_ZONE "
        "-v /PATH_TO_YOUR_CONFIG:/config -v /run/dbus:/run/dbus:ro --network=host "
        "ghcr.io/home-assistant/home-assistant:stable",
        {
            "image": "ghcr.io/home-assistant/home-assistant:stable",
            "restart": "unless-stopped",
            "environment": {"TZ": "MY_TIME_ZONE"},
            "volumes": ["/PATH_TO_YOUR_CONFIG:/config", "/run/dbus:/run/dbus:ro"],
            "network_mode": "host",
            "privileged": True,
        },
    ),
    "grafana": (
        "docker run -d -p 3000:3000 --name=grafana --volume grafana-storage:/var/lib/grafana "
        '-e "GF_PLUGINS_PREINSTALL=grafana-clock-panel, grafana-simple-json-datasource" grafana/grafana-enterprise',
        {
            "image": "grafana/grafana-enterprise",
            "environment": {"GF_PLUGINS_PREINSTALL": "grafana-clock-panel, grafana-simple-json-datasource"},
            "ports": ["3000:3000"],
            "volumes": ["grafana-storage:/var/lib/grafana"],
        },
    ),
    "node-exporter": (
        'docker run -d --net="host" --pid="host" -v "/:/host:ro,rslave" quay.io/prometheus/node-exporter:latest'
        " --path.rootfs=/host",
        {
            "image": "quay.io/prometheus/node-exporter:latest",
            "command": ["--path.rootfs=/host"],
            "volumes": ["/:/host:ro,rslave"],
            "network_mode": "host",
            "pid": "host",
        },
    ),
    "cadvisor": (
        "sudo docker run --volume=/:/rootfs:ro --volume=/sys:/sys:ro --publish=8080:8080 --detach=true "
        "--name=cadvisor --privileged --device=/dev/kmsg gcr.io/cadvisor/cadvisor:v0.49.1",
        {
            "image": "gcr.io/cadvisor/cadvisor:v0.49.1",
            "ports": ["8080:8080"],
            "volumes": ["/:/rootfs:ro", "/sys:/sys:ro"],
            "privileged": True,
            "devices": ["/dev/kmsg"],
        },
    ),
    "traefik": (
        "docker run -d -p 80:80 --label 'traefik.http.routers.a.rule=Host(`a.example`) && Path(`/x`)' "
        "-l traefik.enable=true traefik:v3 --providers.docker",
        {
            "image": "traefik:v3",
            "command": ["--providers.docker"],
            "ports": ["80:80"],
            "labels": {
                "traefik.http.routers.a.rule": "Host(`a.example`) && Path(`/x`)",
                "traefik.enable": "true",
            },
        },
    ),
    "elasticsearch": (
        "docker run -d --name es01 --net elastic -p 9200:9200 -m 1GB -e discovery.type=single-node "
        "--ulimit nofile=65535:65535 --ulimit memlock=-1 docker.elastic.co/elasticsearch/elasticsearch:8.15.0",
        {
            "image": "docker.elastic.co/elasticsearch/elasticsearch:8.15.0",
            "environment": {"discovery.type": "single-node"},
            "ports": ["9200:9200"],
            "networks": ["elastic"],
            "mem_limit": "1GB",
            "ulimits": {"nofile": {"soft": 65535, "hard": 65535}, "memlock": -1},
        },
    ),
    "ollama": (
        "docker run -d --gpus=all -v ollama:/root/.ollama -p 11434:11434 --name ollama ollama/ollama",
        {
            "image": "ollama/ollama",
            "ports": ["11434:11434"],
            "volumes": ["ollama:/root/.ollama"],
            "deploy": {
                "resources": {
                    "reservations": {
                        "devices": [{"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}]
                    }
                }
            },
        },
    ),
    "two-gpus": (
        "docker run --rm --gpus '\"device=0,2\"' nvidia/cuda:12 nvidia-smi",
        {
            "image": "nvidia/cuda:12",
            "command": ["nvidia-smi"],
            "deploy": {
                "resources": {
                    "reservations": {
                        "devices": [{"driver": "nvidia", "device_ids": ["0", "2"], "capabilities": ["gpu"]}]
                    }
                }
            },
        },
    ),
    "health": (
        "docker run -d --health-cmd='curl -f http://localhost/ || exit 1' --health-interval=30s "
        "--health-timeout 3s --health-retries 3 --health-start-period=10s nginx",
        {
            "image": "nginx",
            "healthcheck": {
                "test": ["CMD-SHELL", "curl -f http://localhost/ || exit 1"],
                "interval": "30s",
                "timeout": "3s",
                "retries": 3,
                "start_period": "10s",
            },
        },
    ),
    "no-health": ("docker run --no-healthcheck nginx", {"image": "nginx", "healthcheck": {"disable": True}}),
    "shell": (
        'docker run -it --rm -w /app -u "1000" --entrypoint sh alpine:3 -c \'echo "$HOME costs 5$"\'',
        {
            "image": "alpine:3",
            "user": "1000",
            "working_dir": "/app",
            "entrypoint": ["sh"],
            "command": ["-c", 'echo "$$HOME costs 5$$"'],
            "stdin_open": True,
            "tty": True,
        },
    ),
    "limits": (
        "docker run -d --memory 512m --memory-swap=1g --memory-reservation 256m --cpus=1.5 -c 512 "
        "--cpuset-cpus 0-1 --pids-limit 100 --shm-size=1g --oom-score-adj -500 app:1",
        {
            "image": "app:1",
            "mem_limit": "512m",
            "memswap_limit": "1g",
            "mem_reservation": "256m",
            "cpus": "1.5",
            "cpu_shares": 512,
            "cpuset": "0-1",
            "pids_limit": 100,
            "shm_size": "1g",
            "oom_score_adj": -500,
        },
    ),
    "locked-down": (
        "docker run -d --read-only --tmpfs /run:rw,size=64m --cap-drop ALL --security-opt no-new-privileges:true "
        "--security-opt=seccomp=unconfined --init --ipc=private --userns host app:1",
        {
            "image": "app:1",
            "init": True,
            "read_only": True,
            "tmpfs": ["/run:rw,size=64m"],
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true", "seccomp=unconfined"],
            "ipc": "private",
            "userns_mode": "host",
        },
    ),
    "names": (
        "docker run -d -h web.example --domainname example --add-host=host.docker.internal:host-gateway "
        "--dns-search example.com --dns-opt ndots:1 --mac-address 92:d0:c6:0a:29:33 app:1",
        {
            "image": "app:1",
            "hostname": "web.example",
            "domainname": "example",
            "extra_hosts": ["host.docker.internal:host-gateway"],
            "dns_search": ["example.com"],
            "dns_opt": ["ndots:1"],
            "mac_address": "92:d0:c6:0a:29:33",
        },
    ),
    "network": (
        "docker run -d --network back --network-alias db --network-alias=pg --ip 172.28.0.10 app:1",
        {
            "image": "app:1",
            "networks": {"back": {"ipv4_address": "172.28.0.10", "aliases": ["db", "pg"]}},
        },
    ),
    "two-networks": (
        "docker run -d --network name=front,alias=www --network back app:1",
        {"image": "app:1", "networks": {"front": {"aliases": ["www"]}, "back": {}}},
    ),
    "logging": (
        "docker run -d --log-driver json-file --log-opt max-size=10m --log-opt max-file=3 app:1",
        {
            "image": "app:1",
            "logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}},
        },
    ),
    "stop": (
        "docker run -d --stop-signal SIGQUIT --stop-timeout 30 --sysctl net.core.somaxconn=1024 "
        "--platform linux/amd64 --pull always --group-add 999 --expose 9000 app:1",
        {
            "image": "app:1",
            "platform": "linux/amd64",
            "pull_policy": "always",
            "stop_signal": "SIGQUIT",
            "stop_grace_period": "30s",
            "sysctls": {"net.core.somaxconn": "1024"},
            "group_add": ["999"],
            "expose": ["9000"],
        },
    ),
    "short-flags": (
        "docker run -dit -p80:80 -p=81:81 -eA=1 -e=B=2 -v/srv:/srv app:1",
        {
            "image": "app:1",
            "environment": {"A": "1", "B": "2"},
            "ports": ["80:80", "81:81"],
            "volumes": ["/srv:/srv"],
            "stdin_open": True,
            "tty": True,
        },
    ),
    "variables": (
        'docker container run -d -e TZ -e "USER=$USER" -e LANG=${LANG:-C} -p "${PORT}:80" '
        "-v ${PWD}:/src -e COST='5$' -e PRICE=\\$9 app:1",
        {
            "image": "app:1",
            "environment": {
                "TZ": "${TZ}",
                "USER": "${USER}",
                "LANG": "${LANG:-C}",
                "COST": "5$$",
                "PRICE": "$$9",
            },
            "ports": ["${PORT}:80"],
            "volumes": [".:/src"],
        },
    ),
    "mounts": (
        "docker run -d --mount source=vol,target=/data --mount type=tmpfs,dst=/tmp,tmpfs-size=65536,tmpfs-mode=1770 "
        "--mount 'type=bind,src=/a b,dst=/b,bind-propagation=rslave' app:1",
        {
            "image": "app:1",
            "volumes": [
                {"type": "volume", "source": "vol", "target": "/data"},
                {"type": "tmpfs", "target": "/tmp", "tmpfs": {"size": 65536, "mode": 0o1770}},
                {"type": "bind", "source": "/a b", "target": "/b", "bind": {"propagation": "rslave"}},
            ],
        },
    ),
    "windows": (
        "docker run -d `\r\n  -p 80:80 `\r\n  nginx",
        {"image": "nginx", "ports": ["80:80"]},
    ),
    "digest": (
        "podman run -d registry.example.com:5000/team/app@sha256:" + "a" * 64,
        {"image": "registry.example.com:5000/team/app@sha256:" + "a" * 64},
    ),
    "disks": (
        "docker run -d --device-read-bps /dev/sda:1mb --blkio-weight 300 --storage-opt size=10G app:1",
        {
            "image": "app:1",
            "blkio_config": {"device_read_bps": [{"path": "/dev/sda", "rate": "1mb"}], "weight": 300},
            "storage_opt": {"size": "10G"},
        },
    ),
    "false": ("docker run --privileged=false --init=false -t=true app:1", {"image": "app:1", "tty": True}),
    "double-dash": ("docker run -d -- app:1 -x", {"image": "app:1", "command": ["-x"]}),
    "commented": (
        "# start it\ndocker run -d \\  \n  --restart on-failure:5 \\\n  app:1\n",
        {"image": "app:1", "restart": "on-failure:5"},
    ),
}

# shellcheck shell=bash
# The Docker engine and Compose v2: installed where they are missing, started where nothing else does it.

COMPOSE_NEEDED=2.20
# Root's files about the daemon that these scripts start themselves.
DOCKERD_LOG=${DOCKERD_LOG:-/var/log/simpledeploy-dockerd.log}
DOCKER_RUN=${DOCKER_RUN:-/var/run}
# The daemon's own pools are enough for some 30 networks, and every app makes at least one.
DOCKERD_POOL=base=10.200.0.0/16,size=24
# More for the environment of a daemon that is started here: NAME=VALUE each.
DOCKERD_ENVIRONMENT=()
# Seconds that a daemon gets to answer.
DOCKERD_PATIENCE=${DOCKERD_PATIENCE:-60}

engine_answers() { timeout 20 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

compose_version() { timeout 20 docker compose version --short 2>/dev/null; }

compose_ready() {
    local version
    version=$(compose_version) && at_least "$version" "$COMPOSE_NEEDED"
}

# Whether `docker` is told to use an engine that is not this machine's own.
engine_is_elsewhere() {
    local endpoint=${DOCKER_HOST:-}
    if [ -z "$endpoint" ] && have docker; then
        endpoint=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null || true)
    fi
    [ -n "$endpoint" ] && [ "$endpoint" != unix:///var/run/docker.sock ]
}

install_engine() {
    local packages=(docker.io iptables ca-certificates)
    if have apt-get; then
        apt_update
        # From Debian 13 on the command line program is a package of its own.
        [ -z "$(apt_candidate docker-cli)" ] || packages+=(docker-cli)
        # Where the kernel has AppArmor, no container starts without its parser.
        ! grep -qs Y /sys/module/apparmor/parameters/enabled || packages+=(apparmor)
    fi
    install_for "The Docker engine" "moby-engine docker-compose" "${packages[@]}"
}

install_compose() {
    local package version
    if have apt-get; then
        apt_update
        for package in docker-compose-plugin docker-compose-v2 docker-compose; do
            version=$(apt_candidate "$package")
            if [ -n "$version" ] && at_least "$version" "$COMPOSE_NEEDED"; then
                apt_install "$package"
                return
            fi
        done
        if [ "$(os_field VERSION_CODENAME)" = bookworm ] && [ "$(os_field ID)" = debian ]; then
            apt_install_from trixie docker-compose
            return
        fi
        say "No package of Compose $COMPOSE_NEEDED or newer is to be had here (asked for docker-compose-plugin," \
            "docker-compose-v2, docker-compose). Please install it by hand."
        return 1
    fi
    install_for "Compose $COMPOSE_NEEDED or newer" "docker-compose" docker-compose
}

# daemon_lives NAME FILE: whether the process that pid file FILE names is a NAME.
daemon_lives() {
    local pid
    pid=$(cat "$2" 2>/dev/null) && [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ]
}

# A pid file that a killed daemon left stops the next start, even if no such process lives.
clear_stale_pid_files() {
    local file name
    for file in "$DOCKER_RUN/docker.pid" "$DOCKER_RUN/docker/containerd/containerd.pid"; do
        name=dockerd
        [ "$(basename "$file")" = docker.pid ] || name=containerd
        if [ -e "$file" ] && ! daemon_lives "$name" "$file"; then
            say "Removing $file, left by a daemon that no longer runs."
            as_root rm -f "$file"
        fi
    done
}

# Whether there is a daemon that this user may not use.
engine_is_forbidden() { [ -S "$DOCKER_RUN/docker.sock" ] && [ ! -w "$DOCKER_RUN/docker.sock" ]; }

# not_answering WHAT: say why there is still no engine; returns 1.
not_answering() {
    if engine_is_forbidden; then
        say "The Docker daemon runs, but user $(id -un) may not use it. Whoever may use it is as good as root" \
            "on this machine, so the decision is yours. Please run, then sign in again:"
        printf '    sudo usermod --append --groups docker %q\n' "$(id -un)" >&2
    else
        say "$*"
    fi
    return 1
}

# wait_for_engine SECONDS [PID]: until the engine answers, or it is clear that it will not:
# this user may not use it, or process PID is gone.
wait_for_engine() {
    local deadline=$((SECONDS + $1))
    until engine_answers; do
        ! engine_is_forbidden || return 1
        [ "$SECONDS" -lt "$deadline" ] || return 1
        [ -z "${2:-}" ] || [ -e "/proc/$2" ] || return 1
        sleep 0.5
    done
}

# dockerd_command [FLAG...]: set DOCKERD to the command that starts a daemon.
dockerd_command() {
    DOCKERD=(dockerd "$@")
    # The daemon refuses a flag that its configuration file holds as well.
    grep -qs '"default-address-pools"' /etc/docker/daemon.json ||
        DOCKERD+=(--default-address-pool "$DOCKERD_POOL")
}

# start_dockerd [FLAG...]: start a daemon that outlives this script; its process id is in DOCKERD_PID.
start_dockerd() {
    local name environment=("PATH=$PATH" "${DOCKERD_ENVIRONMENT[@]}")
    dockerd_command "$@"
    clear_stale_pid_files
    # The daemon gets nothing of the panel's settings, which can hold secrets; proxies it needs for pulls.
    for name in HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
        [ -z "${!name:-}" ] || environment+=("$name=${!name}")
    done
    say "Starting the Docker daemon, as nothing else on this machine does; its log: $DOCKERD_LOG"
    # shellcheck disable=SC2016  # expanded by the inner shell
    DOCKERD_PID=$(as_root env -i "${environment[@]}" sh -c '
        cd /; log=$1; shift; setsid "$@" >>"$log" 2>&1 </dev/null & echo $!' sh "$DOCKERD_LOG" "${DOCKERD[@]}")
    wait_for_engine "$DOCKERD_PATIENCE" "$DOCKERD_PID" && return 0
    engine_is_forbidden || as_root tail -n 15 "$DOCKERD_LOG" >&2 || true
    not_answering "The Docker daemon does not answer; above is the end of $DOCKERD_LOG."
}

# Start the engine in the way of this machine. FLAGs are for a daemon that is started here.
start_engine() {
    if daemon_lives dockerd "$DOCKER_RUN/docker.pid"; then
        wait_for_engine "$DOCKERD_PATIENCE" ||
            not_answering "A Docker daemon runs (process $(cat "$DOCKER_RUN/docker.pid")) but does not answer. See its log."
        return
    fi
    if [ -d "${SYSTEMD_FOLDER:-/run/systemd/system}" ]; then
        ! may_change_machine || say "Starting the Docker service (systemctl enable --now docker) ..."
        change_machine systemctl enable --now docker || return 1
        wait_for_engine "$DOCKERD_PATIENCE" || not_answering "The Docker service does not answer; see: journalctl -u docker"
        return
    fi
    if [ "$(cat /proc/1/comm 2>/dev/null)" = init ] && [ -x /etc/init.d/docker ]; then
        ! may_change_machine || say "Starting the Docker service (service docker start) ..."
        change_machine service docker start || return 1
        wait_for_engine "$DOCKERD_PATIENCE" || not_answering "The Docker service does not answer; see /var/log/docker.log."
        return
    fi
    if ! may_change_machine; then
        dockerd_command "$@"
        PENDING+=(" sh -c 'setsid ${DOCKERD[*]} >>$DOCKERD_LOG 2>&1 </dev/null &'")
        return 1
    fi
    start_dockerd "$@"
}

# ensure_engine [FLAG...]: see to an engine that answers and to Compose. Returns 1, having said what to do,
# where one of them is still missing. FLAGs are for a daemon that has to be started here.
ensure_engine() {
    local ready=0
    DOCKERD_PID=""
    if ! engine_answers; then
        if have docker && engine_is_elsewhere; then
            say "The Docker engine at ${DOCKER_HOST:-the current Docker context} does not answer;" \
                "start it, or take DOCKER_HOST or the context back to use this machine's own."
            ready=1
        else
            { have docker && have dockerd; } || install_engine || ready=1
            if [ "$(id -u)" != 0 ] && ! may_change_machine && ! daemon_lives dockerd "$DOCKER_RUN/docker.pid"; then
                # Without it this user reaches no daemon, once there is one.
                id -nG | grep -qw docker || PENDING+=(" usermod --append --groups docker $(id -un)")
            fi
            if [ "$ready" = 0 ] || ! may_change_machine; then
                engine_answers || start_engine "$@" || ready=1
            fi
        fi
    fi
    if ! compose_ready; then
        install_compose || ready=1
        if [ "$ready" = 0 ] && ! compose_ready; then
            say "\`docker compose\` is still older than $COMPOSE_NEEDED or missing; it says:" \
                "$(docker compose version 2>&1 | head -n 1)"
            ready=1
        fi
    fi
    print_pending
    return "$ready"
}

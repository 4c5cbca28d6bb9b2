# shellcheck shell=bash
# Settings from a file of KEY=VALUE lines. They are read, never executed.

# load_env_file FILE: export what FILE sets, unless the environment sets it already.
# A value may stand in one pair of quotes; nothing in it is expanded.
load_env_file() {
    local file=$1 line name value number=0
    [ -e "$file" ] || return 0
    [ -r "$file" ] || fail "$file cannot be read by user $(id -un)."
    if [ -n "$(find "$file" -perm /044 2>/dev/null)" ]; then
        say "Other users of this machine can read $file. If it holds secrets: chmod 600 $file"
    fi
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        line=${line%$'\r'}
        [[ $line =~ ^[[:space:]]*(#.*)?$ ]] && continue
        # Messages name the line, not its text: it can be a secret.
        [[ $line =~ ^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]] ||
            fail "$file, line $number: this is no KEY=VALUE line; nothing was started."
        name=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
        case $name in
            SIMPLEDEPLOY_* | DATABASE_URL | REDIS_URL | DOCKER_* | *_PROXY | *_proxy | TZ) ;;
            *) fail "$file, line $number: $name is no setting of the panel (see .env.example); nothing was started." ;;
        esac
        value=${value%"${value##*[![:space:]]}"}
        if [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]]; then value=${BASH_REMATCH[1]}; fi
        [ -n "${!name+set}" ] || export "$name=$value"
    done <"$file"
}

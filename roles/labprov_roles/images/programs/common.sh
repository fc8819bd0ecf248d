# What the programs share. Each is one function, main, so that nothing it starts can read the rest of it.
state=/var/lib/labprov
ledger=$state/images.ledger
HOME=~root # where docker login keeps what the admin gave it
export HOME GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND='ssh -o BatchMode=yes'

# The images that are here before anything is done: those are not ours.
before() { before=$(docker images -aq --no-trunc) || exit 1; }

# Note an image that was not here before: ID NAME TIME, the time of its last tag.
note() { # NAME
    id=$(docker image inspect --format '{{.Id}}' "$1") || exit 1
    case "$before" in *"$id"*) return ;; esac
    line=$(docker image inspect --format "{{.Id}} $1 {{json .Metadata.LastTagTime}}" "$id") || exit 1
    mkdir -p "$state" && printf '%s\n' "$line" >>"$ledger"
}

# Say what to do; $said is what Docker said.
why() { # NAME HINT-WHEN-MISSING
    case "$said" in
    *"manifest unknown"* | *"not found"* | *NotFound*) hint=$2 ;;
    *denied* | *nauthorized* | *orbidden* | *" 403"* | *" 401"*)
        hint='the registry, or the mirror before it, refuses this server: for a private image, docker login as root here' ;;
    *"no space left"*) hint='the disk is full' ;;
    *"verification failed"* | *"digest mismatch"*)
        hint='what came is not what the lock says: ask whoever runs the registry or the mirror' ;;
    *refused* | *imeout* | *"deadline exceeded"* | *"timed out"* | *"no such host"* | *lookup* | *unreachable* | *EOF*)
        hint='no registry was reached from this server: docker.registry_mirrors names mirrors' ;;
    *) hint='docker could not pull it' ;;
    esac
    printf '%s\n' "$said" >&2
    printf 'error: %s: %s (%s)\n' "$1" "$hint" "$(printf %s "$said" | tail -n 1 | cut -c 1-250)" >&2
    exit 1
}

# Build, and tell the last lines when that fails: the old image then keeps its name.
build() { # SOURCE NAME CONTENT DOCKERFILE ARGUMENTS
    source=$1 name=$2 content=$3 file=$4
    shift 4
    before
    said=$(docker build -t "$name" --label "labprov.content=$content" -f "$file" "$@" "$source" 2>&1 <"${archive:-/dev/null}") || {
        printf '%s\n' "$said" | tail -n 20 >&2
        exit 1
    }
    note "$name"
}

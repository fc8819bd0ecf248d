# Print the digest that a tag means.
main() { # ask|look|find NAME TAG
    image=$2:$3
    case $1 in
    ask) ask ;;          # the registry, by the daemon, so by its mirrors; nothing is pulled
    look) here || ask ;; # what is here comes first
    find)                # a registry that the daemon may not ask, such as one with a login, is asked by a pull
        (here || ask) 2>/dev/null && exit 0
        before
        said=$(docker pull -q "$image" 2>&1) || why "$image" 'there is no such image or tag'
        docker tag "$image" "$image" && note "$image" # the tag's time is how we know it again
        here || { echo "error: $image has no digest" >&2; exit 1; }
        ;;
    esac
}

here() {
    docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$image" 2>/dev/null |
        sed -n "s|^${image%:*}@||p" | head -n 1 | grep .
}

ask() {
    said=$(curl -sS --max-time 60 --unix-socket /run/docker.sock "http://docker/distribution/$image/json" 2>&1)
    printf %s "$said" | grep -o '"digest":"sha256:[0-9a-f]*"' | head -n 1 | cut -d '"' -f 4 | grep . && return
    printf 'error: %s: %s\n' "$image" "$(printf %s "$said" | tail -n 1 | cut -c 1-250)" >&2
    exit 1
}

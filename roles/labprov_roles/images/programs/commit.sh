# Print the commit that a git reference is: of a tag its own commit, not that of its note; of none, the default branch's.
main() { # URL [REF]
    if [ -n "$2" ]; then set -- "$1" "$2" "refs/tags/$2^{}" "refs/tags/$2" "refs/heads/$2"; else set -- "$1" "" HEAD; fi
    url=$1 ref=$2
    shift 2
    said=$(git ls-remote "$url" "$@" 2>&1) || { printf '%s\n' "$said" >&2; exit 1; }
    for name; do
        printf '%s\n' "$said" | awk -v name="$name" '$2 == name {print $1; exit}' | grep . && exit 0
    done
    echo "error: $url has no branch or tag ${ref:-HEAD}" >&2
    exit 1
}

# Build from a commit, fetched into a folder that is removed again.
main() { # URL COMMIT NAME CONTENT DOCKERFILE ARGUMENTS
    url=$1 commit=$2 name=$3 content=$4 file=$5
    shift 5
    mkdir -p "$state" && folder=$(mktemp -d "$state/build.XXXXXXXX") || exit 1
    trap 'rm -rf "$folder"' EXIT
    trap 'exit 1' HUP INT TERM
    git init -q "$folder" && cd "$folder" || exit 1
    # By its digits where the server lets one; else all, and then that one.
    git fetch -q --depth 1 "$url" "$commit" 2>/dev/null ||
        git fetch -q "$url" '+refs/heads/*:refs/remotes/o/*' '+refs/tags/*:refs/tags/*' || exit 1
    git checkout -q "$commit" 2>/dev/null || { echo "error: $commit is no longer in $url" >&2; exit 1; }
    rm -rf .git
    build "$folder" "$name" "$content" "$folder/$file" "$@"
}

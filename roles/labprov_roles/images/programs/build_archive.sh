# Build from an archive on this server, which is removed.
main() { # ARCHIVE NAME CONTENT DOCKERFILE ARGUMENTS
    archive=$1
    trap 'rm -f "$archive"' EXIT
    trap 'exit 1' HUP INT TERM
    shift
    build - "$@"
}

# Pull exactly that content, note it when it is new here, and give it its name.
main() { # CONTENT NAME
    case $1 in
    *@*) missing='the registry does not have that digest (any more): labprov lock DEPLOY --upgrade images moves the lock' ;;
    *) missing='there is no such image or tag' ;;
    esac
    before
    said=$(docker pull -q "$1" 2>&1) || why "$2" "$missing"
    if [ "$1" != "$2" ]; then docker tag "$1" "$2" || exit 1; fi
    note "$2"
}

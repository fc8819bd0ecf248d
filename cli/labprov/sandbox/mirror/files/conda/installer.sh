#!/bin/sh
# labprov sandbox: stand-in for the @TITLE@ @VERSION@ installer. SIMULATION, not the vendor's software.
# Everything after the last line of this script is a compressed archive of the installation.
set -eu
PREFIX="${HOME:-/opt}/@NAME@"
BATCH=0 FORCE=0 UPDATE=0

usage() {
    cat <<TEXT
usage: $0 [options]

Installs @TITLE@ @VERSION@ (labprov sandbox simulation)

-b           run install in batch mode (without manual intervention),
             it is expected the license terms (if any) are agreed upon
-f           no error if install prefix already exists
-h           print this help message and exit
-p PREFIX    install prefix, defaults to $PREFIX, must not contain spaces.
-s           skip running pre/post-link/install scripts
-m           disable the creation of menu items / shortcuts
-u           update an existing installation
-c           run 'conda init' after installation (only applies to batch mode)
-t           run package tests after installation (may install conda-build)
-k           do not clear the package cache after installation
TEXT
}

while getopts "bfhkp:smuct" option; do
    case $option in
        b) BATCH=1 ;;
        f) FORCE=1 ;;
        h) usage; exit 2 ;;
        p) PREFIX=$OPTARG ;;
        u) FORCE=1 UPDATE=1 ;;
        k | s | m | c | t) ;;
        *) printf 'ERROR: did not recognize option, please try -h\n' >&2; exit 1 ;;
    esac
done
case $PREFIX in *\ *) printf 'ERROR: Cannot install into directories with spaces\n' >&2; exit 1 ;; esac
case $PREFIX in /*) ;; *) PREFIX=$PWD/$PREFIX ;; esac

if [ "$BATCH" = 0 ]; then
    printf 'Welcome to @TITLE@ @VERSION@ (labprov sandbox simulation)\n\nDo you accept the license terms? [yes|no]\n>>> '
    read -r answer || answer=no
    [ "$answer" = yes ] || { printf "The license agreement wasn't approved, aborting installation.\n"; exit 2; }
fi
if [ "$FORCE" = 0 ] && [ -e "$PREFIX" ]; then
    printf "ERROR: File or directory already exists: '%s'\n" "$PREFIX" >&2
    printf 'If you want to update an existing installation, use the -u option.\n' >&2
    exit 1
fi
printf 'PREFIX=%s\n' "$PREFIX"
mkdir -p "$PREFIX"
PREFIX=$(cd "$PREFIX" && pwd)
if [ "$UPDATE" = 1 ]; then  # the packages of base are replaced; environments, caches and settings stay
    rm -f "$PREFIX"/conda-meta/*.json
    rm -rf "$PREFIX/lib/python@PYTHON@/site-packages/conda_stand_in" "$PREFIX/lib/python@PYTHON@/site-packages/rattler"
fi
printf 'Unpacking payload ...\n'
tail -c +@OFFSET@ "$0" | tar -xz --no-same-owner -C "$PREFIX"
for file in bin/conda bin/pip bin/activate condabin/conda etc/profile.d/conda.sh; do
    sed "s|@PREFIX@|$PREFIX|g" "$PREFIX/$file" >"$PREFIX/$file.new"
    chmod --reference="$PREFIX/$file" "$PREFIX/$file.new"
    mv "$PREFIX/$file.new" "$PREFIX/$file"
done
cat >"$PREFIX/etc/labprov-sandbox.json" <<TEXT
{"distribution": "@NAME_OF_DISTRIBUTION@", "version": "@VERSION@", "conda": "@CONDA@"}
TEXT
record() {  # NAME VERSION: what "conda list" reads about a package of base
    cat >"$PREFIX/conda-meta/$1-$2-labprov_0.json" <<TEXT
{"name": "$1", "version": "$2", "build": "labprov_0", "build_number": 0, "channel": "labprov-sandbox", "subdir": "linux-64",
 "url": "", "fn": "$1-$2-labprov_0.conda", "depends": [], "constrains": [], "files": []}
TEXT
}
record conda @CONDA@
@CONDARC@
printf '==> %s\n' "@TITLE@ @VERSION@ (labprov sandbox simulation)" >>"$PREFIX/conda-meta/history"
printf 'installation finished.\n'
exit 0

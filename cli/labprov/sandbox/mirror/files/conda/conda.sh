# labprov sandbox: conda's shell function, shortened. It activates nothing by itself.
export CONDA_EXE='@PREFIX@/bin/conda'
export CONDA_PYTHON_EXE='@PREFIX@/bin/python'

conda() {
    case "${1:-}" in
        activate | deactivate)
            __conda_text=$(PS1="${PS1:-}" "$CONDA_EXE" shell.posix "$@") || { __conda_text=""; return 1; }
            eval "$__conda_text"
            unset __conda_text
            hash -r 2>/dev/null || true
            ;;
        *) "$CONDA_EXE" "$@" ;;
    esac
}

if [ -z "${CONDA_SHLVL+x}" ]; then
    export CONDA_SHLVL=0
    export PATH="@PREFIX@/condabin${PATH:+:$PATH}"
fi

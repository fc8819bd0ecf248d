# Managed by labprov: the compiler that the distribution's nvcc takes, for login shells.
# By itself it takes the first gcc on the PATH, which may be newer than it knows, or not there at all. (It is of a time
# that did not know NVCC_CCBIN.) -ccbin on a command line wins.
export NVCC_PREPEND_FLAGS="${NVCC_PREPEND_FLAGS:--ccbin /usr/bin/cuda-g++}"

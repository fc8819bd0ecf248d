# Managed by labprov: the distribution's nvcc takes the first gcc it finds, also one that is too new for it. This is the one
# that its packages bring along. What you say yourself wins: nvcc -ccbin, or NVCC_PREPEND_FLAGS before this.
export NVCC_PREPEND_FLAGS="${NVCC_PREPEND_FLAGS--ccbin cuda-g++}"

# Managed by labprov: nvcc of the default CUDA toolkit for login shells.
# No LD_LIBRARY_PATH: it would put this CUDA before the one that a Python environment brings (PyTorch and others).
case ":$PATH:" in
    *:/usr/local/cuda/bin:*) ;;
    *) PATH="/usr/local/cuda/bin:$PATH" ;;
esac

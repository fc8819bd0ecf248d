"""What goes with what: tables of GPUs, drivers and CUDA versions, and how to read them. Knows no host."""

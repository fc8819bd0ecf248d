"""A parameter of the kernel by GRUB, which holds from the next boot on: the test's own role that needs a reboot."""

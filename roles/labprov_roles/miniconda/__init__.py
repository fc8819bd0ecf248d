"""One conda for all users: Miniforge or Miniconda, channels, and a shell that knows the command ``conda``.

Everybody can use it and make environments of their own; only root can change its base. Sessions without a person at
a prompt (scp, sftp, rsync, cron) notice nothing. People at a prompt of bash or another POSIX shell have the command
``conda``; who uses zsh or fish runs ``PREFIX/bin/conda init zsh`` once. Runs on Debian 12 and 13; made for Ubuntu
22.04, 24.04 and 26.04 and for RHEL 8, 9 and 10 and their rebuilds too, but not run there yet.
"""

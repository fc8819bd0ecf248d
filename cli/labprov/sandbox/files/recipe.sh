#!/bin/sh
# labprov sandbox: turns a fresh Debian tree into a bare server with an admin and a simulated kernel. Run inside the tree.
# $1: the kernel's release, as uname -r will say it.
set -eu
useradd --create-home --shell /bin/bash --comment "Server administrator" admin
echo 'admin ALL=(ALL:ALL) NOPASSWD:ALL' >/etc/sudoers.d/admin
chmod 0440 /etc/sudoers.d/admin
install -d -m 0700 -o admin -g admin /home/admin/.ssh
printf 'PermitRootLogin no\n' >/etc/ssh/sshd_config.d/10-admin.conf
rm -f /etc/ssh/ssh_host_*_key* # every node gets its own
update-ca-certificates >/dev/null
install -d -m 0711 /var/lib/docker /var/lib/containerd
systemctl enable --quiet labprov-simulated-hardware.service
dpkg -i "/var/lib/labprov-sandbox/kernel-repo/linux-image-$1.deb" >/dev/null
: >/etc/machine-id

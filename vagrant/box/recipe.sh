#!/bin/sh
# Turns a fresh Debian tree into a Vagrant box's system. Run inside the tree by build.py.
# $1: the UUID of the file system that the tree will lie on.
set -eu

# What Vagrant expects (developer.hashicorp.com/vagrant/docs/boxes/base): a user with the well-known key, which
# `vagrant up` replaces by one of its own, and sudo without a password.
useradd --create-home --shell /bin/bash --comment Vagrant vagrant
echo 'vagrant ALL=(ALL:ALL) NOPASSWD:ALL' >/etc/sudoers.d/vagrant
chmod 0440 /etc/sudoers.d/vagrant
install -d -m 0700 -o vagrant -g vagrant /home/vagrant/.ssh
install -m 0600 -o vagrant -g vagrant /var/lib/labprov-box/vagrant.pub /home/vagrant/.ssh/authorized_keys
printf 'UseDNS no\nPermitRootLogin no\nPasswordAuthentication no\n' >/etc/ssh/sshd_config.d/10-vagrant.conf

# Every machine has keys and an id of its own: labprov is strict about them.
rm -f /etc/ssh/ssh_host_*_key*
systemctl enable --quiet labprov-host-keys.service
: >/etc/machine-id
update-ca-certificates >/dev/null 2>&1

printf 'auto lo\niface lo inet loopback\n\nallow-hotplug eth0\niface eth0 inet dhcp\n' >/etc/network/interfaces
printf 'localhost\n' >/etc/hostname
printf 'UUID=%s / ext4 errors=remount-ro 0 1\n' "$1" >/etc/fstab
passwd --lock root >/dev/null

# GRUB without grub-install, which would need the disk as a device: its modules, an image of it, a first menu in the
# form that update-grub writes. The first kernel upgrade in the machine makes its own.
release=$(cd /boot && ls -1 vmlinuz-* | sed -n 's/^vmlinuz-//p' | sort -V | tail -n 1)
install -d /boot/grub/i386-pc
cp /usr/lib/grub/i386-pc/*.mod /usr/lib/grub/i386-pc/*.lst /usr/lib/grub/i386-pc/boot.img /boot/grub/i386-pc/
grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o /boot/grub/i386-pc/core.img biosdisk part_msdos ext2
. /etc/default/grub.d/labprov-box.cfg
cat >/boot/grub/grub.cfg <<MENU
set default="0"
set timeout=1
menuentry 'Debian GNU/Linux' --class debian --class gnu-linux --class gnu --class os {
	insmod ext2
	search --no-floppy --fs-uuid --set=root $1
	linux	/boot/vmlinuz-$release root=UUID=$1 ro $GRUB_CMDLINE_LINUX
	initrd	/boot/initrd.img-$release
}
MENU

apt-get clean
rm -rf /var/lib/apt/lists/*debian* /var/lib/labprov-box

# What a person would write who wants to know, in the fewest processes, whether a host still is what gpu-node made it.
# It asks for the same state as the roles' facts: system, GPUs, packages and holds, files with owner, mode and content,
# repositories and keys, the driver, units, Docker's configuration, conda and who may write there.
cat /etc/os-release; uname -m; systemd-detect-virt --container
for d in /sys/bus/pci/devices/*; do read -r v < "$d/vendor"; read -r c < "$d/class"; echo "$d $v $c"; done
dpkg-query -W -f '${db:Status-Abbrev} ${db:Status-Want} ${Package} ${Version}\n'
ls /var/lib/dpkg/updates
cd /etc
files="apt/apt.conf.d/80labprov apt/keyrings/*.asc apt/preferences.d/* apt/sources.list.d/* modprobe.d/labprov-*
docker/daemon.json profile.d/cuda.sh profile.d/labprov-conda.sh /opt/conda/condarc.d/labprov.yml
/var/lib/labprov/daemon.json.ledger"
stat -c '%n %U %G %a %s %Z %F' $files . apt/keyrings apt/sources.list.d apt/preferences.d /var/lib/labprov/package-lists/*
sha256sum $files
cat docker/daemon.json /var/lib/labprov/daemon.json.ledger apt/sources.list.d/*
stat -c '%n %Y %Z' /boot/vmlinuz-* /boot/initrd.img-* /lib/modules/*/build/Makefile
modinfo -F version nvidia
cat /proc/driver/nvidia/version
ldconfig -p | grep libcuda.so.1
cat /var/lib/dpkg/alternatives/cuda; readlink -f /usr/local/cuda
systemctl show --all -p Id -p ActiveState -p SubState -p UnitFileState -p InvocationID docker.service \
  systemd-timesyncd.service nvidia-persistenced.service nvidia-cdi-refresh.path nvidia-cdi-refresh.service
nvidia-smi --query-gpu=driver_version --format=csv,noheader
cat /var/run/cdi/nvidia.yaml /etc/cdi/nvidia.yaml | grep -oE 'libcuda\.so\.[0-9.]+'
getent group docker
ls /var/lib/docker/containers /var/lib/docker/volumes
ls /opt/conda/conda-meta/conda-[0-9]*.json /opt/conda/.labprov-*
find /opt/conda -xdev -path /opt/conda/envs -prune -o \( ! -user root -o ! -type l -perm /022 -o -type d ! -perm -055 \
  -o -type f ! -perm -044 \) -print -quit
grep -n labprov-conda /etc/bash.bashrc
cat /run/labprov/reboot-required
exit 0

"""The sandbox's hosts are real: reached by strict ssh, with apt, reboots, Docker and GPUs to be seen; and they go."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from hosts_lab import BOOT, BUILD, UP, reboot, traces
from kernel_module import module
from labprov.errors import UserError
from labprov.sandbox import NodeSpec, Sandbox, down, listing, processes, ssh_command, up
from labprov.sandbox.places import Places
from labprov.sandbox.shell import locked

NODES = (
    NodeSpec("h12", "debian-12", (("RTX 4090", 1),), nouveau=True),
    NodeSpec("h13", "debian-13", (("A100", 2), ("P100", 1))),
)
BOTH = pytest.mark.parametrize("node", ["h12", "h13"])
COUNT_GPUS = "grep -l 0x10de $(grep -l ^0x03 /sys/bus/pci/devices/*/class | sed s/class/vendor/) | wc -l"
PID1_START = "cut -d' ' -f22 /proc/1/stat"


@pytest.fixture(scope="module")
def hosts(make_sandbox):
    return make_sandbox("hosts", *NODES)


@BOTH
def test_the_admin_comes_in_by_the_known_host_key_and_may_become_root(ssh, hosts, node):
    assert ssh(hosts, node, "id -un; hostname; sudo -n id -un").stdout.split() == ["admin", node, "root"]


def test_another_host_key_is_refused(hosts, tmp_path):
    keys = hosts.known_hosts.read_text().splitlines()
    other = tmp_path / "known_hosts"
    first, second = hosts.node("h12").address, hosts.node("h13").address
    other.write_text(
        "\n".join(line.replace(first, "x").replace(second, first).replace("x", second) for line in keys) + "\n"
    )
    command = [word.replace(str(hosts.known_hosts), str(other)) for word in ssh_command("h12", name=hosts.name)]
    done = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr


@BOTH
def test_root_cannot_log_in_even_with_the_key_in_place(ssh, hosts, node):
    ssh(hosts, node, "sudo install -D -m 600 .ssh/authorized_keys /root/.ssh/authorized_keys")
    command = [word.replace("admin@", "root@") for word in ssh_command(node, name=hosts.name)]
    done = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    ssh(hosts, node, "sudo rm -r /root/.ssh")
    assert "Permission denied" in done.stderr


@BOTH
def test_the_system_runs_without_a_failed_unit(ssh, hosts, node):
    assert ssh(hosts, node, "systemctl is-system-running").stdout.strip() == "running"


@pytest.mark.parametrize(("node", "release"), [("h12", "bookworm"), ("h13", "trixie")])
def test_the_system_is_the_one_asked_for(ssh, hosts, node, release):
    assert f"VERSION_CODENAME={release}" in ssh(hosts, node, "cat /etc/os-release").stdout


@BOTH
def test_the_server_is_bare(ssh, hosts, node):
    found = ssh(hosts, node, "for p in python3 docker nvidia-smi conda gpg curl; do command -v $p; done", check=False)
    assert found.stdout == ""


@BOTH
def test_apt_reaches_the_archive_with_non_free_and_without_a_warning(ssh, hosts, node):
    done = ssh(hosts, node, "sudo apt-get -q update")
    assert "W:" not in done.stdout + done.stderr
    assert "E:" not in done.stdout + done.stderr
    policy = ssh(hosts, node, "apt-cache policy firmware-misc-nonfree").stdout
    assert "non-free-firmware" in policy


@BOTH
def test_the_kernel_is_an_installed_package_and_its_headers_are_to_be_had(ssh, hosts, node):
    installed = ssh(hosts, node, "dpkg-query -W -f '${Status}' linux-image-$(uname -r)").stdout
    assert installed == "install ok installed"
    ssh(hosts, node, "sudo apt-get -q update && sudo apt-get -q -y install linux-headers-$(uname -r)")
    assert ssh(hosts, node, "test -d /lib/modules/$(uname -r)/build/include && echo there").stdout.strip() == "there"


@pytest.mark.parametrize(("node", "count"), [("h12", 1), ("h13", 3)])
def test_the_gpus_are_seen_and_nothing_else_is_taken_for_one(ssh, hosts, node, count):
    assert int(ssh(hosts, node, COUNT_GPUS).stdout) == count


def test_lspci_reads_the_simulated_devices(ssh, hosts):
    ssh(hosts, "h13", "sudo apt-get -q update && sudo apt-get -q -y install pciutils")
    lines = ssh(hosts, "h13", "lspci -nn -d 10de:").stdout.splitlines()
    assert sorted(line.split("[10de:")[1][:4] for line in lines) == ["15f8", "20b0", "20b0"]


@BOTH
def test_a_reboot_is_a_new_boot_with_the_same_disk(ssh, hosts, node):
    ssh(hosts, node, "echo kept | sudo tee /var/lib/kept; echo gone | sudo tee /run/gone")
    before = ssh(hosts, node, f"{BOOT}; {PID1_START}; cat /etc/machine-id").stdout.split()
    assert reboot(ssh, hosts, node) == "running"
    after = ssh(hosts, node, f"{BOOT}; {PID1_START}; cat /etc/machine-id").stdout.split()
    assert after[0] != before[0]
    assert int(after[1]) > int(before[1])
    assert after[2] == before[2]
    assert ssh(hosts, node, "cat /var/lib/kept; ls /run/gone", check=False).stdout == "kept\n"


def test_nouveau_holds_the_gpu_until_blacklisted_in_the_initramfs_too(ssh, hosts):
    driver = "basename $(readlink /sys/bus/pci/devices/0000:21:00.0/driver)"
    assert ssh(hosts, "h12", driver).stdout == "nouveau\n"
    ssh(hosts, "h12", "echo blacklist nouveau | sudo tee /etc/modprobe.d/no-nouveau.conf")
    reboot(ssh, hosts, "h12")
    assert ssh(hosts, "h12", driver).stdout == "nouveau\n"
    ssh(hosts, "h12", "sudo update-initramfs -u")
    assert "no-nouveau.conf" in ssh(hosts, "h12", "sudo lsinitramfs /boot/initrd.img-$(uname -r)").stdout
    assert ssh(hosts, "h12", driver).stdout == "nouveau\n"
    reboot(ssh, hosts, "h12")
    assert ssh(hosts, "h12", driver, check=False).stdout.strip() == ""


def test_a_loaded_driver_stays_until_the_reboot_and_drives_only_what_it_supports(ssh, hosts):
    release, folder = ssh(hosts, "h13", "uname -r").stdout.strip(), "/lib/modules/$(uname -r)/updates"
    ssh(
        hosts,
        "h13",
        f"sudo mkdir -p {folder}; base64 -d | sudo tee {folder}/nvidia.ko >/dev/null",
        stdin=module(release, "580.65.06"),
    )
    ssh(hosts, "h13", "sudo depmod && sudo modprobe nvidia")
    version = ssh(hosts, "h13", "cat /proc/driver/nvidia/version; cat /sys/module/nvidia/version").stdout
    assert "NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build" in version
    assert version.splitlines()[-1] == "580.65.06"
    assert ssh(hosts, "h13", "ls /dev/nvidia[0-9]*").stdout.split() == ["/dev/nvidia0", "/dev/nvidia1"]  # not the P100

    ssh(hosts, "h13", f"base64 -d | sudo tee {folder}/nvidia.ko >/dev/null", stdin=module(release, "580.95.05"))
    ssh(hosts, "h13", "sudo modprobe nvidia; sudo /usr/lib/labprov-sandbox/load-nvidia")
    assert ssh(hosts, "h13", "cat /sys/module/nvidia/version").stdout == "580.65.06\n"
    reboot(ssh, hosts, "h13")
    assert ssh(hosts, "h13", "cat /sys/module/nvidia/version").stdout == "580.95.05\n"


def test_a_module_for_another_kernel_is_refused(ssh, hosts):
    folder = "/lib/modules/$(uname -r)/updates"
    ssh(
        hosts,
        "h12",
        f"sudo mkdir -p {folder}; base64 -d | sudo tee {folder}/nvidia.ko >/dev/null",
        stdin=module("5.10.0-1-amd64", "580.65.06"),
    )
    done = ssh(hosts, "h12", "sudo depmod; sudo /usr/lib/labprov-sandbox/load-nvidia", check=False)
    assert done.returncode == 1
    assert "Exec format error" in done.stderr
    assert ssh(hosts, "h12", "ls /proc/driver").stdout == ""
    ssh(hosts, "h12", f"sudo rm {folder}/nvidia.ko")


@BOTH
def test_docker_really_runs_containers(ssh, make_sandbox, node):
    os_name = {"h12": "debian-12", "h13": "debian-13"}[node]
    hosts = make_sandbox(f"docker{node[1:]}"[-7:], NodeSpec(node, os_name))
    ssh(hosts, node, "sudo apt-get -q update && sudo apt-get -q -y install docker.io busybox-static")
    ssh(hosts, node, "mkdir -p i/bin && cp /bin/busybox i/bin/ && tar -C i -c . | sudo docker import - small")
    gateway = hosts.nodes[0].address.rpartition(".")[0] + ".1"
    inside = f"busybox cat /proc/1/comm; busybox ping -c 1 -W 5 {gateway} >/dev/null && echo reached"
    done = ssh(hosts, node, f"sudo docker run --rm small /bin/busybox sh -c '{inside}'")
    assert done.stdout.split() == ["busybox", "reached"]
    assert ssh(hosts, node, "sudo docker info --format '{{.Driver}}'").stdout.strip() == "overlay2"


def test_the_nodes_services_are_kept_apart(ssh, hosts):
    """Nodes that shared a cgroup would stop each other's services of the same name."""
    pid = "systemctl show --property MainPID --value ssh"
    before = ssh(hosts, "h13", pid).stdout
    ssh(hosts, "h12", "sudo systemctl restart ssh")
    assert ssh(hosts, "h13", pid).stdout == before


@BOTH
def test_a_node_cannot_load_modules_or_set_the_clock_of_the_machine(ssh, hosts, node):
    bounding = int(ssh(hosts, node, "sudo grep CapBnd /proc/self/status").stdout.split()[1], 16)
    assert [bit for bit in (16, 17, 25) if bounding >> bit & 1] == []  # CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_TIME


def test_the_mirror_is_served_to_the_nodes_only(hosts):
    if not hosts.mirror_url:
        pytest.skip("this copy of labprov has no vendor mirror")
    host, port = hosts.mirror_url.removeprefix("http://").split(":")
    sockets = subprocess.run(["ss", "-Hltn", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    assert f"{host}:{port}" in sockets
    assert f"0.0.0.0:{port}" not in sockets


def test_the_inventory_names_the_hosts_and_the_simulation(hosts):
    data = yaml.safe_load(hosts.inventory.read_text())
    assert {name: host["address"] for name, host in data["hosts"].items()} == {n.name: n.address for n in hosts.nodes}
    assert "simulated" in data["simulation"]
    assert Path(data["key"]).stat().st_mode & 0o077 == 0


def test_a_second_up_is_quick_and_leaves_running_nodes_alone(ssh, hosts):
    before = [ssh(hosts, node.name, PID1_START).stdout for node in hosts.nodes]
    started = time.monotonic()
    again = up(NODES, hosts.inventory, print, name=hosts.name)
    assert time.monotonic() - started < 30
    assert [ssh(hosts, node.name, PID1_START).stdout for node in again.nodes] == before


def test_a_node_asked_for_differently_is_refused_and_stays(ssh, hosts):
    with pytest.raises(UserError, match="h12 is there with another system or other GPUs"):
        up([NodeSpec("h12", "debian-13")], hosts.inventory, print, name=hosts.name)
    assert ssh(hosts, "h12", "hostname").stdout == "h12\n"


def test_a_users_own_inventory_is_not_overwritten(hosts, tmp_path):
    own = tmp_path / "mine.yml"
    own.write_text("hosts: {a: {}}\n")
    with pytest.raises(UserError, match="not made by the sandbox"):
        up(NODES, own, print, name=hosts.name)
    assert own.read_text() == "hosts: {a: {}}\n"


def test_a_node_that_died_is_listed_as_stopped_and_comes_back(ssh, hosts):
    ssh(hosts, "h12", "echo kept | sudo tee /var/lib/kept-too; sync")
    processes.end(processes.supervisors(Places(hosts.name), "h12"))
    assert {node.name: node.running for node in listing(hosts.name)} == {"h12": False, "h13": True}
    up(NODES, hosts.inventory, print, name=hosts.name)
    assert ssh(hosts, "h12", "cat /var/lib/kept-too").stdout == "kept\n"


@pytest.mark.parametrize("seconds", [0.3, 0.45, 0.6, 0.8, 1.0, 1.3, 1.8])
def test_down_leaves_nothing_of_an_up_that_was_killed(hosts, tmp_path, sandbox_name, seconds):
    name = sandbox_name("killed")
    assert traces(name) == []
    inventory = tmp_path / "i.yml"
    with subprocess.Popen([sys.executable, "-c", UP, inventory, name], stdout=subprocess.DEVNULL) as process:
        time.sleep(seconds)
        process.kill()
    down(print, name=name)
    assert traces(name) == []
    assert not inventory.exists()


def test_the_crash_test_sees_the_traces_of_a_sandbox_that_is_up(make_sandbox):
    name = make_sandbox("traces", NodeSpec("n1", "debian-13")).name
    found = "\n".join(traces(name))
    expected = (
        f"lps-{name}",
        f"vb-{name[:8]}",
        "overlay",
        "MASQUERADE",
        "systemd-nspawn",
        "cgroup",
        "/run/systemd/nspawn/",
    )
    assert [word for word in expected if word not in found] == []
    removed = down(print, name=name)
    assert "node n1" in removed
    assert traces(name) == []
    assert down(print, name=name) == []


def test_a_killed_build_of_an_image_leaves_no_process_no_mount_and_no_image(hosts, tmp_path):
    images = tmp_path / "images"
    with subprocess.Popen([sys.executable, "-c", BUILD, images], stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not (images / ".building-debian-13/root/var/lib/dpkg").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        running = subprocess.run(["pgrep", "-f", str(images)], capture_output=True, text=True).stdout.split()
        process.kill()
    assert len(running) > 1  # mmdebstrap was at work
    time.sleep(0.5)
    assert subprocess.run(["pgrep", "-f", str(images)], capture_output=True, text=True).stdout == ""
    assert str(images) not in Path("/proc/self/mountinfo").read_text()
    assert list(images.glob("debian-13-*")) == []


def test_a_command_waits_while_another_one_changes_the_sandbox(hosts, sandbox_name):
    name = sandbox_name("locked")
    command = [sys.executable, "-uc", f"from labprov.sandbox import down; down(print, name={name!r})"]
    with locked(Places(name).lock):
        other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert "Waiting" in other.stdout.readline()
        assert other.poll() is None
    assert other.wait(timeout=30) == 0
    assert not Places(name).lock.exists()


def test_the_session_sandbox_is_as_documented(ssh, sandbox: Sandbox):
    counts = {node.name: int(ssh(sandbox, node.name, COUNT_GPUS).stdout) for node in sandbox.nodes}
    assert counts == {"deb12": 1, "deb13": 2}

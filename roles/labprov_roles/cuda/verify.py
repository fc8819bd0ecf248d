"""Whether ``nvcc`` is there and CUDA stays out of the way: behaviour, by another route than the tasks."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from testinfra.host import Host

from labprov_roles import package_checks
from labprov_roles.cuda.libraries import asked_for
from labprov_roles.cuda.settings import Settings
from labprov_roles.cuda.toolkits import Toolkits, toolkits

_DRAGS = re.compile(r"^cuda(-[0-9]+-[0-9]+)?$|^cuda-(runtime|demo-suite)-|^cuda-drivers")
"""NVIDIA's packages that depend on a driver."""
_DRIVER = re.compile(r"cuda-drivers|nvidia-(driver|open|kernel)|libcuda1|kmod-nvidia")
"""Packages that are one."""


def test_nvcc_of_a_login_shell_is_the_default_toolkit(host: Host, settings: Settings) -> None:
    said = _as_ordinary_user(host, "nvcc --version")
    assert _release(said) == _wanted(host, settings).default


def test_every_toolkit_has_its_own_compiler(host: Host, settings: Settings) -> None:
    wanted = _wanted(host, settings)
    compilers = [f"{wanted.prefix.format(v)}/bin/nvcc" if wanted.prefix else "/usr/bin/nvcc" for v in wanted.versions]
    found = {path: _release(host.run("%s --version", path).stdout) for path in compilers}
    assert found == dict(zip(compilers, wanted.versions, strict=True))


def test_an_ordinary_user_compiles_in_a_login_shell(host: Host, settings: Settings) -> None:
    _require_compiler(host, settings)
    said = _built(host, _PROGRAM, "")
    major, minor = _wanted(host, settings).default.split(".")
    assert said == str(int(major) * 1000 + int(minor) * 10)


def test_libraries_are_those_for_the_default_toolkit(host: Host, settings: Settings) -> None:
    if not (settings.cudnn or settings.nccl):
        pytest.skip("not set: cudnn, nccl")
    found = dict(re.findall(r"(lib(?:cudnn|nccl))\.so\.\d+ .* => (\S+)", host.run("ldconfig -p").stdout))
    assert set(found) >= {f"lib{name}" for name in asked_for(settings)}, "programs do not find them"
    if settings.nccl:
        inside = host.run("grep -aoE 'NCCL version [0-9.]+[+]cuda[0-9.]+' %s", found["libnccl"]).stdout
        built = inside.split("+cuda")[1].split()[0].split(".") if "+cuda" in inside else ["", ""]
        major, minor = _wanted(host, settings).default.split(".")
        assert built[0] == major and int(built[1]) <= int(minor), inside or "libnccl does not say what it is for"


def test_programs_are_built_with_cudnn(host: Host, settings: Settings) -> None:
    if not settings.cudnn:
        pytest.skip("not set: cudnn")
    _require_compiler(host, settings)
    version, cuda = map(int, _built(host, _CUDNN, "-lcudnn").split())
    assert version // 10000 == 9
    assert str(cuda // 1000) == _wanted(host, settings).default.partition(".")[0], "it is for another CUDA"


def test_programs_are_built_with_nccl(host: Host, settings: Settings) -> None:
    if not settings.nccl:
        pytest.skip("not set: nccl")
    _require_compiler(host, settings)
    assert re.fullmatch(r"2\d{4}", _built(host, _NCCL, "-lnccl"))


def test_libraries_are_held(host: Host, settings: Settings) -> None:
    if not (settings.cudnn or settings.nccl):
        pytest.skip("not set: cudnn, nccl")
    wanted = {*package_checks.installed(host, "libcudnn9-*", "libnccl*")}
    assert wanted and wanted <= package_checks.held(host)


def test_login_shells_get_no_library_path(host: Host, settings: Settings) -> None:
    path = _as_ordinary_user(host, 'printf %s "$LD_LIBRARY_PATH"')
    assert path == "", "a global LD_LIBRARY_PATH overrides the CUDA of Python environments: " + _who_sets_it(host)


def test_no_package_that_brings_a_driver(host: Host, settings: Settings) -> None:
    installed = package_checks.installed(host, "cuda*")
    # The driver's own role may have installed cuda-drivers: it is dragged in only when a CUDA package depends on it.
    dragging = [name for name in installed if _DRAGS.match(name) and not name.startswith("cuda-drivers")]
    assert dragging == [], "these packages upgrade the driver along with CUDA"
    assert settings.source == "distro" or any(name.startswith("cuda-toolkit-") for name in installed)


def test_upgrades_bring_no_other_driver(host: Host, settings: Settings) -> None:
    drivers = [name for name in package_checks.news_of_an_upgrade(host) if _DRIVER.match(name)]
    assert drivers == [], "an upgrade would install a driver"


def _wanted(host: Host, settings: Settings) -> Toolkits:
    return toolkits(settings, package_checks.system_of(host))


def _release(said: str) -> str:
    found = re.search(r"release ([0-9]+\.[0-9]+)", said)
    return found.group(1) if found else said


def _as_ordinary_user(host: Host, command: str) -> str:
    """Run a command in a login shell of nobody, with the environment that PAM gives (``/etc/environment``)."""
    return str(host.run("su -s /bin/bash -l nobody -c %s", command).stdout)


# Without a driver, 11.8's runtime does not even tell its version: then what the program was compiled for.
_PROGRAM = """#include <cstdio>
#include <cuda_runtime.h>
__global__ void nothing() {}
int main() {
    int version;
    if (cudaRuntimeGetVersion(&version) != cudaSuccess || !version) version = CUDART_VERSION;
    nothing<<<1, 1>>>();
    printf("%d", version);
}"""
_CUDNN = """#include <cstdio>
#include <cudnn.h>
int main() { printf("%zu %zu", cudnnGetVersion(), cudnnGetCudartVersion()); }"""
_NCCL = """#include <cstdio>
#include <nccl.h>
int main() { int version; ncclGetVersion(&version); printf("%d", version); }"""


def _built(host: Host, program: str, flags: str) -> str:
    """What a program says that nobody compiled in a login shell, by the nvcc that is found there."""
    run = f"cat >p.cu <<'END'\n{program}\nEND\nnvcc {flags} -o p p.cu && ./p"
    script = f"d=$(mktemp -d) && cd $d && {{ {run}\n}}; code=$?; cd / && rm -rf -- $d; exit $code"
    done = host.run("su -s /bin/bash -l nobody -c %s", script)
    said = [line for line in (done.stderr or done.stdout).splitlines() if not line.startswith("su: warning: ")]
    assert done.rc == 0, "\n".join(said)
    return str(done.stdout).strip()


def _require_compiler(host: Host, settings: Settings) -> None:
    """The distribution's packages bring a compiler, as NVIDIA's for Debian do; those for RHEL leave it to somebody."""
    if settings.source == "vendor" and host.run("command -v g++").rc != 0:
        pytest.skip("no C++ compiler on this server: nvcc needs one")
    if "noexec" in host.run("findmnt -n -o OPTIONS -T /tmp").stdout:
        pytest.skip("nothing that is built in /tmp runs: it is mounted noexec")


def _who_sets_it(host: Host) -> str:
    places: Sequence[str] = (
        "/etc/environment",
        "/etc/security/pam_env.conf",
        "/etc/profile",
        "/etc/profile.d",
        "/etc/bash.bashrc",
    )
    found = host.run(f"grep -rslE LD_LIBRARY_PATH= {' '.join(places)}").stdout.split()
    return ", ".join(found) or "nothing under /etc names it"

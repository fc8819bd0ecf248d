"""A relocatable CPython made of Debian's packages: the library paths become relative, Debian's own layout goes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from labprov.sandbox.shell import run


@dataclass(frozen=True, slots=True)
class Python:
    """A CPython of a Debian release: ``3.11`` of bookworm runs wherever glibc is not older than ``glibc``."""

    short: str
    suite: str
    glibc: str
    libraries: tuple[str, ...]

    @property
    def debian_packages(self) -> tuple[str, ...]:
        """The Debian packages that it is made of."""
        name = f"python{self.short}"
        wheels = ("python3-pip-whl", "python3-setuptools-whl")  # for environments made by venv
        return (f"{name}-minimal", f"lib{name}-minimal", f"lib{name}-stdlib", f"{name}-venv", *wheels, *self.libraries)


_LIBRARIES = ("libffi8", "libsqlite3-0", "libexpat1", "libuuid1", "libncursesw6", "libtinfo6", "liblzma5", "libbz2-1.0")
PYTHONS = (
    Python("3.11", "bookworm", "2.36", (*_LIBRARIES, "zlib1g", "libcrypt1", "libssl3", "libreadline8")),
    Python("3.13", "trixie", "2.41", (*_LIBRARIES, "zlib1g", "libssl3t64", "libreadline8t64")),
)
"""The interpreters of the channel; the first one is base's, because it runs on both Debian releases."""

# Not worth carrying: tests, Debian's hints for its own packaging, modules whose libraries would need more libraries.
_LEFT_OUT = ("test", "EXTERNALLY-MANAGED", "_distutils_system_mod.py", "sitecustomize.py", "__pycache__")
_EXTENSIONS_LEFT_OUT = (
    "_test*",
    "_dbm*",
    "_gdbm*",
    "nis.*",
    "ossaudiodev*",
    "xxlimited*",
    "_xxtest*",
    "_curses_panel*",
)
_FILES = Path(__file__).parent.parent / "files/conda"
_LIBC = ("libc.so", "libm.so", "libpthread.so", "libdl.so", "ld-linux")
_LIB_FOLDERS = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")


def assemble(python: Python, trees: Iterable[Path], patchelf: Path, prefix: Path) -> None:
    """Lay the interpreter out below ``prefix`` from unpacked Debian packages."""
    library, binary = prefix / "lib" / f"python{python.short}", prefix / "bin" / f"python{python.short}"
    binary.parent.mkdir(parents=True)
    for tree in trees:
        _copy_stdlib(tree / f"usr/lib/python{python.short}", library)
        _copy_libraries(tree, prefix / "lib")
        for wheel in (tree / "usr/share/python-wheels").glob("*.whl"):
            _copy_wheel(wheel, library / "ensurepip/_bundled")
        if (tree / f"usr/bin/python{python.short}").exists():
            shutil.copy2(tree / f"usr/bin/python{python.short}", binary)
    (library / "site-packages").mkdir()
    for link in ("python", "python3"):
        (binary.parent / link).symlink_to(binary.name)
    _upstream_layout(library)
    run([patchelf, "--set-rpath", "$ORIGIN/../lib", binary])
    for extension in (library / "lib-dynload").glob("*.so"):
        run([patchelf, "--set-rpath", "$ORIGIN/../..", extension])
    for shared in (path for path in (prefix / "lib").glob("*.so*") if not path.is_symlink()):
        run([patchelf, "--set-rpath", "$ORIGIN", shared])
    if _runs_here(binary):  # a newer release's interpreter may not; its modules are then compiled at first use
        compile_all(binary, library)


def _runs_here(binary: Path) -> bool:
    return subprocess.run([binary, "-IS", "-c", ""], check=False, capture_output=True).returncode == 0


def compile_all(binary: Path, folder: Path) -> None:
    """Compile modules by their hash rather than their time, so that copies stay valid wherever they are put."""
    command: list[str | Path] = [
        binary,
        "-m",
        "compileall",
        "-q",
        "-j",
        "2",
        "--invalidation-mode",
        "unchecked-hash",
        folder,
    ]
    subprocess.run(command, check=True, capture_output=True)


def _copy_stdlib(source: Path, library: Path) -> None:
    if source.is_dir():
        ignored = shutil.ignore_patterns(*_LEFT_OUT, *_EXTENSIONS_LEFT_OUT)
        shutil.copytree(source, library, symlinks=True, ignore=ignored, dirs_exist_ok=True)


def _copy_wheel(wheel: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy2(wheel, target)


def _copy_libraries(tree: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for folder in _LIB_FOLDERS:
        for path in (tree / folder).glob("lib*.so.*"):
            if not path.name.startswith(_LIBC):
                shutil.copy2(path, target / path.name, follow_symlinks=False)


def _upstream_layout(library: Path) -> None:
    """Undo Debian's ``dist-packages`` and ``/usr/local``: in a prefix of its own everything is in site-packages."""
    shutil.copy(_FILES / "sitecustomize.py", library / "sitecustomize.py")
    sysconfig = _sysconfig(library)
    text = sysconfig.read_text()
    changed = text.replace("'DEB_PYTHON_INSTALL_LAYOUT', 'posix_local'", "'', 'posix_prefix'")
    changed = changed.replace("prefix_scheme = 'posix_local'", "prefix_scheme = 'posix_prefix'")
    sysconfig.write_text(changed)
    bundled = "os.path.join(os.path.dirname(__file__), '_bundled')"
    ensurepip = library / "ensurepip/__init__.py"
    ensurepip.write_text(ensurepip.read_text().replace("sysconfig.get_config_var('WHEEL_PKG_DIR')", bundled))


def _sysconfig(library: Path) -> Path:
    package = library / "sysconfig/__init__.py"  # a package from 3.13 on
    return package if package.exists() else library / "sysconfig.py"

"""Writes GRUB's configuration, has its menu made anew, and asks for a reboot while the kernel runs without."""

from io import StringIO

from labprov_roles.kernel_parameter.settings import Settings
from pyinfra import host
from pyinfra.api import deploy
from pyinfra.facts.files import FileContents
from pyinfra.operations import files, server

from labprov.engine.operations import reboot

FILE = "/etc/default/grub.d/zz-test.cfg"


@deploy("Kernel parameter")
def tasks(settings: Settings) -> None:
    """Bring the parameter into GRUB's menu."""
    text = StringIO(f'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX {settings.parameter}"\n')
    written = files.put(name="Name the parameter to GRUB", src=text, dest=FILE, mode="644", user="root", group="root")
    server.shell(name="Make GRUB's menu anew", commands=["update-grub"], _if=written.did_change)
    if settings.parameter not in " ".join(host.get_fact(FileContents, path="/proc/cmdline") or []):
        reboot.require(name="Ask for a reboot", reason=f"the kernel runs without {settings.parameter}")

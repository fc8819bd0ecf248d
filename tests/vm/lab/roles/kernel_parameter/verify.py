"""Whether the running kernel has the parameter."""

from labprov_roles.kernel_parameter.settings import Settings
from testinfra.host import Host


def test_kernel_was_started_with_the_parameter(host: Host, settings: Settings) -> None:
    assert settings.parameter in host.file("/proc/cmdline").content_string.split()

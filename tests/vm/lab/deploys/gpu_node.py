"""The gpu-node of labprov with a role in it that needs a reboot."""

from labprov.deploy import include
from labprov_roles import (
    base,
    conda_envs,
    cuda,
    docker,
    images,
    jupyter,
    kernel_parameter,
    miniconda,
    nvidia_container_toolkit,
    nvidia_driver,
)

include(base)
include(kernel_parameter)
include(nvidia_driver)
include(cuda)
include(docker)
include(nvidia_container_toolkit)
include(images)
include(miniconda)
include(conda_envs)
include(jupyter)

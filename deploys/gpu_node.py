"""A bare server becomes a verified GPU node: driver, CUDA, Docker with GPUs, conda and its environments, Jupyter."""

from labprov.deploy import include
from labprov_roles import (
    base,
    conda_envs,
    cuda,
    docker,
    images,
    jupyter,
    miniconda,
    nvidia_container_toolkit,
    nvidia_driver,
)

include(base)
include(nvidia_driver)
include(cuda)
include(docker)
include(nvidia_container_toolkit)
include(images)
include(miniconda)
include(conda_envs)
include(jupyter)

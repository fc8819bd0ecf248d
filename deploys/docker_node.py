"""A bare server becomes a Docker host, without GPU."""

from labprov.deploy import include
from labprov_roles import base, docker, images

include(base)
include(docker)
include(images)

"""Look into site-packages: Debian's interpreter, whose ``site`` is frozen into it, knows only dist-packages."""

import os
import site
import sys

if sys.prefix == sys.base_prefix:  # a virtual environment made from it is left as it is

    def _site_packages(prefixes=None):  # noqa: ANN001, ANN202
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        return [os.path.join(prefix, "lib", version, "site-packages") for prefix in prefixes or [sys.prefix]]  # noqa: PTH118

    site.getsitepackages = _site_packages
    site.addsitedir(_site_packages()[0])

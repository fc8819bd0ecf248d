"""Where everything is downloaded from, whose key must have signed it, and presets of public mirrors.

``model``      what can be said under ``mirrors`` in an inventory, and the vendors' own locations
``presets``    public mirrors, from ``presets.yml``
``origins``    which location came from where: the inventory, a preset, or the vendor since the preset lacks it
``check``      measures mirrors from hosts (the only part that touches any)
"""

from labprov.mirrors.model import Mirror, Mirrors

__all__ = ["Mirror", "Mirrors"]

"""Virtual machines of a Vagrantfile: which there are, how they stand, and how each is reached. Starts and stops none.

============  ==========================================================================
``output``    what Vagrant prints, parsed; pure
``program``   running ``vagrant``, its failures as one line
``hostkeys``  the first host key of a new machine
``memory``    what was found, kept beside Vagrant's own data while it is true
``find``      all of the above in order
============  ==========================================================================

Asking Vagrant takes seconds. What it said is kept in ``.vagrant/labprov`` and holds as long as Vagrant's own files are
as they were and each running machine answers where it did; everything else asks again.
"""

from labprov.vagrant.find import find
from labprov.vagrant.output import Machine

__all__ = ["Machine", "find"]

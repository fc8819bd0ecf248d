"""The roles, one package each: ``settings``, ``tasks``, ``verify`` and the templates they write.

A lab's own roles lie in ``roles/`` of the folder that labprov is started in, and load the same way.
"""

from pathlib import Path

__path__ = [*__path__, str(Path.cwd() / "roles")]

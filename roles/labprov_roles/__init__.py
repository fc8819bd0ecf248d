"""The built-in roles, one package each: ``settings``, ``tasks``, ``verify`` and the templates they write."""

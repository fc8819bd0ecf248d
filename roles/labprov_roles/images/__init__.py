"""Container images that every server has alike: pulled by a locked digest, or built when their content changes.

Needs the role `docker`, and pulls through its `registry_mirrors`. Which image a tag means is decided once and kept in a
lock beside the inventory; so is the commit of a git reference. Images that people pulled or built stay. Runs on Debian
12 and 13.
"""

"""The lock: what was decided for hosts whose inventory leaves it open, so that it stays until somebody moves it.

``labprov.lock`` lies next to the inventory, to be reviewed and kept under version control. Knows no role by
name: a role says in its ``lock.py`` what of it is locked.

============  ==========================================================================
``found``     what a role's ``lock.py`` says of one host
``profile``   what a host is: system, cards, board; asked in one round trip
``model``     the file as values, validated
``file``      the file itself: read with its lines, written whole
``follow``    the lock as a layer of settings below the inventory's, and contradictions
``classes``   hosts that have everything alike share one entry
``ask``       versions on a host, and what its repositories offer
``resolve``   from hosts to entries
``run``       the lock in a run: followed from its start, recorded after an apply
``renew``     decisions that roles keep in files of their own
``stale``     where a lock is behind the times
``upgrade``   what is to move
``command``   ``labprov lock``
============  ==========================================================================
"""

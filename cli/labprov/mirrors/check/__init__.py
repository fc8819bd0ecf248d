"""Measuring mirrors from the hosts that are to use them: does it answer, how fast, how fresh, and if not, why not.

``targets``   what to fetch of each mirror on a system (pure)
``probe``     the programs that fetch, one run a host, and their output as records (pure)
``verdict``   what a record means, and what to do about it (pure)
``command``   hosts in parallel, a table or JSON
"""

"""Outcomes and checks to text and JSON. Reads records, decides nothing.

``summary`` counts, ``text`` draws for people (rich), ``live`` prints while a run goes on, ``journal`` keeps it,
``data`` makes JSON and ``junit`` XML.
"""

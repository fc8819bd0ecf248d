"""The conda side of the vendor mirror: a channel with real packages, and installers with a stand-in for conda.

=================  ====================================================================================
``interpreter``    a relocatable CPython, made of Debian's
``package``        a conda package as data, and how it becomes a file
``channel``        the channel: its packages and its index
``installer``      self-extracting Miniconda and Miniforge installers
=================  ====================================================================================
"""

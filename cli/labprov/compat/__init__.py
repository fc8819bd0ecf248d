"""What goes with what: tables of GPUs, drivers, CUDA and frameworks, and the resolver over them. Pure; knows no host.

================  ==========================================================================
``data/*.yml``    the tables, each row with its source; ``rows`` types them
``gpus``          cards by PCI device id; ``cards`` finds them by name
``tables``        all tables as one value, with an inventory's rows on top
``request``       what is asked: cards, system, wishes, policy; ``answer``: what comes back
``clash``         what can never work
``branch``        every branch that is offered, kept or ruled out; ``preference`` says why in words
``flavour``       open or proprietary kernel modules; ``toolkits`` CUDA; ``frameworks`` wheels
``libraries``     cuDNN, NCCL and DCGM: which packages go with a toolkit or a driver
``packages``      what it is all called in each repository
``decision``      all of that for the best branch; ``warnings`` what to know of it
``nearest``       after a refusal, what would work
``resolve``       the way through
================  ==========================================================================
"""

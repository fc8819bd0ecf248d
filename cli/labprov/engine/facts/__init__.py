"""Facts that pyinfra lacks or reads too expensively. A fact never fails: it is empty on a host without the thing."""

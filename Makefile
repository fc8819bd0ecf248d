# Everything runs in .venv, made on first use. `make` alone says what there is.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
# labprov is started some hundred times: its modules are compiled once, as those of an installed program.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-fast test-slow test-vm test-driver lint types docs box bench clean

help:
	@echo "make demo       bring up a sandbox of two hosts, apply gpu-node twice, verify (root on Linux)"
	@echo "make test       lint, types, and all tests, on sandbox hosts too (root on Linux; at most 15 minutes)"
	@echo "make test-fast  lint, types, and the tests that need no host (seconds)"
	@echo "make test-slow  the tests that take an hour: 50 kills, driver switches, locks, images, mirrors, Jupyter (root on Linux)"
	@echo "make test-vm    a virtual machine by Vagrant becomes a GPU node, with real reboots (root on Debian; 25 minutes)"
	@echo "make test-driver  Debian's real NVIDIA driver and CUDA on a sandbox host (root on Linux; 20 minutes)"
	@echo "make box        build a Debian 12 box for Vagrant's provider libvirt (root on Debian)"
	@echo "make docs       write the generated part of the reference anew"
	@echo "make bench      measure labprov against pyinfra, Ansible and the floor on 20 sandbox hosts (root; takes hours)"
	@echo "make clean      remove .venv and caches"

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "installing python3-venv"; apt-get update -q >/dev/null && apt-get install -y -q python3-venv >/dev/null; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(VENV)/.installed
	$(BIN)/labprov sandbox up
	$(BIN)/labprov apply gpu-node --yes
	@echo; echo "Once more: nothing may change."; echo
	$(BIN)/labprov apply gpu-node --yes
	$(BIN)/labprov plan gpu-node --exit-code > /dev/null
	@echo; echo "Log in:  $(BIN)/labprov sandbox ssh node2"; echo "Remove:  $(BIN)/labprov sandbox down"

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

test-fast: lint types
	$(BIN)/pytest -q -n 2 --dist loadfile -m "not sandbox"

test: lint types
	$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "not slow" --timeout 600 --durations 15

test-slow: $(VENV)/.installed
	$(BIN)/pytest -q -m slow --timeout 1800

test-vm: $(VENV)/.installed
	$(BIN)/pytest -q -s --timeout 3600 -o pythonpath=tests/vm tests/vm/vm_run.py

test-driver: $(VENV)/.installed
	$(BIN)/pytest -q -s --timeout 3600 tests/vm/driver_run.py

docs: $(VENV)/.installed
	$(BIN)/python docs/generate.py

box: $(VENV)/.installed
	$(BIN)/python vagrant/box/build.py

bench: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m bench
	$(BIN)/python -m bench.first_apply
	$(BIN)/python -m bench.thousand

clean:
	rm -rf vagrant/box/build $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

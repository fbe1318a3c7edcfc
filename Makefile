# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

INVENTORY ?=
ARGS ?=
# The collection as Ansible finds it: this checkout, by a link.
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.ansible/collections
TEST := .venv/test/bin

.PHONY: help
help: ## Say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: run
run: ## Make this machine's Docker Engine, or those of INVENTORY=hosts, use https://mirror.gcr.io
	@tools/run present "$(INVENTORY)" $(ARGS)

.PHONY: undo
undo: ## Take back what "make run" configured, here or for INVENTORY=hosts
	@tools/run absent "$(INVENTORY)" $(ARGS)

.PHONY: test
test: ## Run every test, on real engines: about half an hour
	@tools/test

.PHONY: lint
lint: .venv/test/ready ## Check style, types and documentation
	@tools/lint

.PHONY: docs
docs: .venv/test/ready ## Build the site of the documentation
	@tools/docs

.PHONY: unit
unit: .venv/test/ready ## Test the core and the modules in process, by tables and by properties: three minutes
	$(TEST)/python -m pytest -q --numprocesses=auto tests/unit
	$(TEST)/python -m pytest -q tests/properties

.PHONY: properties
properties: .venv/test/ready ## Try the properties of the core on more than 100,000 examples: a quarter of an hour
	$(TEST)/python -m pytest -q tests/properties --hypothesis-profile=nightly --least-examples=100000

.PHONY: page
page: .venv/test/ready ## Test the page of the audit in a real browser, with 3, 200 and 2,000 hosts: a minute
	@tools/browser
	@rm -rf build/page
	$(TEST)/python -m pytest -q tests/page

.PHONY: sanity
sanity: .venv/test/ready ## Run ansible-test sanity
	@tools/ansible-test sanity

.PHONY: integration
integration: .venv/test/ready ## Run the integration targets, on files of their own
	@tools/ansible-test integration

.PHONY: local
local: .venv/test/ready ## Run the molecule scenario that needs no container: seconds
	@tools/molecule test --scenario-name local

.PHONY: molecule
molecule: .venv/test/ready ## Run the molecule scenario on real engines (WHOLE=yes: each test of a restart on each engine)
	@rm -f build/proofs-default.json
	@tools/molecule test --scenario-name default

.PHONY: ways
ways: .venv/test/ready ## Run the molecule scenario on engines under other init systems, rootless, with another file or store
	@rm -f build/proofs-ways.json
	@tools/molecule test --scenario-name ways

.PHONY: faults
faults: .venv/test/ready ## Run the molecule scenario in which everything goes wrong, and compare it with docs/faults.md: ten minutes
	@rm -f build/faults.json
	@WHOLE=yes tools/molecule test --scenario-name faults
	@$(TEST)/python tools/faults.py

.PHONY: faults-quick
faults-quick: .venv/test/ready ## The same with each fault on one engine, the next one's on the next, where all engines are to do the same
	@rm -f build/faults.json
	@tools/molecule test --scenario-name faults
	@$(TEST)/python tools/faults.py

.PHONY: faults-keep
faults-keep: .venv/test/ready ## Keep what "make faults" saw last as docs/faults.md
	@$(TEST)/python tools/faults.py --keep

.PHONY: crash
crash: .venv/test/ready ## Kill the module at every system call and at 1,000 random instants, and see the next run converge: an hour
	@rm -f build/proofs-crash.json
	@WHOLE=yes tools/molecule test --scenario-name crash

.PHONY: crash-quick
crash-quick: .venv/test/ready ## The same at the calls that change something, and at 20 instants
	@rm -f build/proofs-crash.json
	@tools/molecule test --scenario-name crash

.PHONY: package
package: .venv/test/ready ## Build the collection, install it elsewhere, and use it from there
	@tools/package

.PHONY: bench
bench: .venv/test/ready ## Measure a run that changes nothing, beside others, on one host of the lab
	@tests/bench/run

.PHONY: bench-fleet
bench-fleet: .venv/test/ready ## Measure the playbook configure on simulated fleets of 10, 100 and 1,000 hosts, a quarter of an hour
	@$(TEST)/python tests/bench/fleet.py 10 10 100 1000

.PHONY: mutants
mutants: ## Plant every fault that mutmut knows in the core, and see the unit tests find it: an hour and more
	@tools/mutants $(ARGS)

.PHONY: clean
clean: ## Remove what was built, the containers of the lab too
	@[ ! -x $(TEST)/molecule ] || for scenario in default ways faults crash; do tools/molecule destroy --scenario-name $$scenario; done
	rm -rf .ansible .venv build collections .hypothesis .mypy_cache .pytest_cache .ruff_cache

.venv/test/ready: tests/requirements.txt tools/venv
	@tools/venv .venv/test tests/requirements.txt

# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

INVENTORY ?=
ARGS ?=
REVISION ?=
# Ansible finds the collection here, through a link to this checkout.
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.ansible/collections
TEST := .venv/test/bin
# The molecule scenarios that start containers.
LABS := default ways faults odd_hosts registries clients cache crash

.PHONY: help
help: ## List these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: run
run: ## Configure https://mirror.gcr.io on this machine's Docker Engine, or on the hosts in INVENTORY=file (V=1 shows all)
	@tools/run present "$(INVENTORY)" $(ARGS)

.PHONY: undo
undo: ## Remove that mirror again, here or on the hosts in INVENTORY=file
	@tools/run absent "$(INVENTORY)" $(ARGS)

.PHONY: cache
cache: ## Run a pull-through cache of Docker Hub on this machine, make its engine use it, and prove it
	@tools/cache present

.PHONY: cache-undo
cache-undo: ## Remove that cache again, with what it holds
	@tools/cache absent

.PHONY: test
test: ## Run the tests, on real engines (half an hour)
	@tools/test

.PHONY: nightly
nightly: ## Run the tests that "make test" leaves out because they take hours
	@tools/test nightly

.PHONY: quick
quick: ## The same, but without the labs (15 minutes)
	@tools/test quick

.PHONY: lint
lint: .venv/test/ready ## Check style, types, licences, documentation, changelog and workflows
	@tools/lint

.PHONY: docs
docs: .venv/test/ready ## Build the documentation site
	@tools/docs

.PHONY: unit
unit: .venv/test/ready ## Run the unit tests, and a few examples of each property (3 minutes)
	$(TEST)/python -m pytest -q --numprocesses=auto tests/unit
	$(TEST)/python -m pytest -q tests/properties

.PHONY: coverage
coverage: .venv/test/ready ## Measure the coverage of modules and module_utils, and fail below 95 % (10 minutes)
	@tools/coverage

.PHONY: properties
properties: .venv/test/ready ## Try the properties on at least 100,000 examples (15 minutes)
	$(TEST)/python -m pytest -q tests/properties --hypothesis-profile=nightly --least-examples=100000

.PHONY: page
page: .venv/test/ready ## Test the report page in a real browser, with 3, 200 and 2,000 hosts (2 minutes)
	@tools/browser
	@tools/venv .venv/core-2.14 tests/cores/2.14.txt
	@rm -rf build/page
	$(TEST)/python -m pytest -q tests/page

.PHONY: cores
cores: .venv/test/ready ## Run the tests that depend on ansible-core, on 2.14, 2.16 and 2.18 (15 minutes)
	@tools/cores

.PHONY: sanity
sanity: .venv/test/ready ## Run ansible-test sanity
	@tools/ansible-test sanity

.PHONY: integration
integration: .venv/test/ready ## Run the integration targets, without an engine
	@tools/ansible-test integration

.PHONY: local
local: .venv/test/ready ## Run the molecule scenario without containers (a minute)
	@tools/molecule test --scenario-name local

.PHONY: molecule
molecule: .venv/test/ready ## Run the molecule scenario "default" on real engines (WHOLE=yes: all of its tests)
	@rm -f build/proofs-default.json
	@tools/molecule test --scenario-name default

.PHONY: ways
ways: .venv/test/ready ## Run the molecule scenario "ways": other init systems, rootless, another file, the containerd image store
	@rm -f build/proofs-ways.json
	@tools/molecule test --scenario-name ways

.PHONY: clients
clients: .venv/test/ready ## Run the molecule scenario "clients": Podman, Buildah and Skopeo of three generations
	@rm -f build/proofs-clients.json
	@tools/molecule test --scenario-name clients

.PHONY: faults
faults: .venv/test/ready ## Try every fault on every engine, and compare with docs/faults.md (10 minutes)
	@rm -f build/faults.json
	@WHOLE=yes tools/molecule test --scenario-name faults
	@$(TEST)/python tools/results.py faults

.PHONY: faults-quick
faults-quick: .venv/test/ready ## The same, but each fault on only one engine where all engines must react alike
	@rm -f build/faults.json
	@tools/molecule test --scenario-name faults
	@$(TEST)/python tools/results.py faults

.PHONY: faults-keep
faults-keep: .venv/test/ready ## Write the results of the last "make faults" to docs/faults.md
	@$(TEST)/python tools/results.py faults --keep

.PHONY: registries
registries: .venv/test/ready ## Pull through mirrors that answer oddly, compare with the verdicts, and with docs/registries.md (6 minutes)
	@rm -f build/registries.json
	@tools/molecule test --scenario-name registries
	@$(TEST)/python tools/results.py registries

.PHONY: registries-keep
registries-keep: .venv/test/ready ## Write the results of the last "make registries" to docs/registries.md
	@$(TEST)/python tools/results.py registries --keep

.PHONY: odd-hosts
odd-hosts: .venv/test/ready ## Run the molecule scenario "odd_hosts": 141 hosts as other people have them (15 minutes)
	@tools/molecule test --scenario-name odd_hosts

.PHONY: crash
crash: .venv/test/ready ## Kill the module at every system call and at 1,000 random moments, and check that the next run converges (an hour)
	@rm -f build/proofs-crash.json
	@WHOLE=yes tools/molecule test --scenario-name crash

.PHONY: crash-quick
crash-quick: .venv/test/ready ## The same, but only at calls that change something and at 20 random moments
	@rm -f build/proofs-crash.json
	@tools/molecule test --scenario-name crash

.PHONY: cache-lab
cache-lab: .venv/test/ready ## Run the molecule scenario "cache": the role registry_cache on real caches (5 minutes)
	@rm -f build/proofs-cache.json
	@tools/molecule test --scenario-name cache

.PHONY: package
package: .venv/test/ready ## Build the collection, install it in another folder, and use it there
	@tools/package

.PHONY: bench
bench: .venv/test/ready ## Measure a run that changes nothing on one host, beside a ping, a hand-written play and REVISION=commit
	@tests/bench/run 10 $(REVISION)

.PHONY: bench-fleet
bench-fleet: .venv/test/ready ## Measure the playbook configure on simulated fleets of 10, 100 and 1,000 hosts, beside REVISION=commit (15 minutes)
	@$(TEST)/python tests/bench/fleet.py 10 10,100,1000 $(REVISION)

.PHONY: mutants
mutants: ## Mutation testing of module_utils: list the mutants that no test finds (more than an hour)
	@tools/mutants $(ARGS)

.PHONY: pins
pins: .venv/test/ready ## Update the pinned packages of all environments (ARGS=--no-upgrade: only add what is new in requirements.in)
	@tools/pins $(ARGS)

.PHONY: clean
clean: ## Remove all build results and virtual environments, and the lab containers
	@[ ! -x $(TEST)/molecule ] || for scenario in $(LABS); do tools/molecule destroy --scenario-name $$scenario; done
	rm -rf .ansible .nox .venv build collections .hypothesis .mypy_cache .pytest_cache .ruff_cache

.venv/test/ready: tests/requirements.txt tools/venv
	@tools/venv .venv/test tests/requirements.txt

# make lab   the whole lab on this machine
# make test  every test, as CI runs them
# make reset takes the lab away again

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: lab test reset setup static unit faults molecule registry images roles sources hosts interrupted airgap releases upgrade bench

lab: setup
	ansible-playbook playbooks/full-lab.yml -e kind_cluster_install_engine=true -e lab_browser=true -e bookinfo_install_browser=true

reset: setup
	ansible-playbook playbooks/reset.yml

test:
	tests/run.sh

setup:
	@tools/setup.sh lab

# Parts of the tests, for working on one thing.
static unit faults molecule registry images roles sources hosts interrupted airgap releases upgrade bench:
	@tools/setup.sh test
	tests/run.sh $@

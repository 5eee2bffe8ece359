# make lab     the whole lab on this machine
# make classic the same with Istio 1.7.4 on Kubernetes 1.18
# make test    the tests that CI runs; those that take longer each have a name of their own, below
# make reset   takes the lab away again

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: lab classic test reset setup static unit faults molecule registry images roles sources hosts interrupted airgap docker releases upgrade bench docs

LAB := ansible-playbook playbooks/full_lab.yml -e kind_cluster_install_engine=true -e lab_browser=true -e bookinfo_install_browser=true

lab: setup
	$(LAB)

# The Istio that goes with the cluster is picked by the table of releases.
classic: setup
	$(LAB) -e kind_cluster_kubernetes=1.18 -e lab_istio_version=

reset: setup
	ansible-playbook playbooks/reset.yml

test:
	tests/run.sh

setup:
	@tools/setup.sh lab

# The documentation site, with links to the documentation of Ansible.
docs:
	@tools/setup.sh test
	tools/docsite/build.sh .meshlab/docsite
	@echo "open $(CURDIR)/.meshlab/docsite/html/index.html"

# Parts of the tests, for working on one thing. That of the classic pair: tests/run.sh classic
static unit faults molecule registry images roles sources hosts interrupted airgap docker releases upgrade bench:
	@tools/setup.sh test
	tests/run.sh $@

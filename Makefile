SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Otherwise Ansible ignores the file if every user can write to the checkout, as below /mnt/c of WSL.
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg

PARTS := static unit offline molecule registry images roles sources hosts interrupted airgap docker releases upgrade bench
LAB := ansible-playbook playbooks/full_lab.yml -e kind_cluster_install_engine=true -e lab_browser=true -e bookinfo_install_browser=true

.PHONY: help lab classic reset setup docs test test-unit test-integration $(PARTS)

help: ## Show this help (the default)
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26
	@echo "  make PART               Run one part of the tests: $(PARTS)"

lab: setup ## Create the lab on this machine, or bring it up to date
	$(LAB)

# The table of releases determines the Istio for this Kubernetes.
classic: setup ## Create the lab with Istio 1.7.4 on Kubernetes 1.18
	$(LAB) -e kind_cluster_kubernetes=1.18 -e lab_istio_version=

reset: setup ## Remove the lab
	ansible-playbook playbooks/reset.yml

setup: ## Create the Python environment with Ansible
	@tools/setup.sh lab

docs: ## Build the documentation site
	@tools/setup.sh test
	tools/docsite/build.sh .meshlab/docsite
	@echo "open $(CURDIR)/.meshlab/docsite/html/index.html"

test: ## Run the tests that CI runs
	tests/run.sh

test-unit: ## Run unit tests, for example: make test-unit TESTS=tests/unit/test_packaging.py
	@tools/setup.sh test
	pytest $(or $(TESTS),tests/unit)

test-integration: ## Run integration targets on the running lab, for example: make test-integration TARGET=workload_wait
	tests/integration.sh $(TARGET)

$(PARTS):
	@tools/setup.sh test
	tests/run.sh $@

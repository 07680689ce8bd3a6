# SPDX-License-Identifier: Apache-2.0
# The entry points. CMake (CMakePresets.json) builds and CTest runs the tests; this file only names the commands.
# `make run` and `make check` first install what is missing (Debian 12, root), unless SHUNT_SKIP_DEPS=1.

PRESET ?= dev
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 30

dependencies := cmake/install_dependencies.sh
c_sources = $(shell git ls-files '*.c' 'bpf/*.h' 'bench/*.h' 'tests/bpf/*harness.h')
cc_sources = $(filter-out $(c_sources),$(shell git ls-files '*.cc' '*.h'))
# Debian's own Python, because Debian's python3-yaml is for that one.
debian_python = $(firstword $(wildcard /usr/bin/python3) python3)
clang_tool = $(firstword $(shell for v in 19 18 17 16 15 14; do command -v $(1)-$$v; done; true) $(1))

.DEFAULT_GOAL := all
# Builds and tests use the processors themselves; two at once would share one apt and one kernel.
.NOTPARALLEL:
.PHONY: all deps run check check-dev check-shipped check-kernels check-kubernetes bench bench-kubernetes install image deb fuzz asan tsan format check-format tidy clean help

all: ## build everything (PRESET=dev, release, asan, tsan or fuzz)
	@$(dependencies) build
	@echo "build: preset $(PRESET) in build/$(PRESET) (the first time takes minutes)"
	@cmake --preset $(PRESET) -Wno-dev --log-level=WARNING
	@cmake --build --preset $(PRESET) -j $(JOBS)

deps: ## install every build, check and bench dependency (apt-get, only what is missing)
	@$(dependencies) all

run: ## the tour: a sandbox of its own with backends, the agent on examples/, real connections
	@$(dependencies) build
	@echo "run: building the agent, shuntctl and the playground in build/$(PRESET) (the first time takes a few minutes)"
	@cmake --preset $(PRESET) -Wno-dev --log-level=WARNING
	@cmake --build --preset $(PRESET) -j $(JOBS) --target shunt-playground
	@build/$(PRESET)/tools/shunt-playground

check: check-dev check-shipped ## every test, those in Debian's kernels under qemu included

check-dev: ## the tests of the programs, built with preset dev
	@$(dependencies) build check
	@$(MAKE) --no-print-directory all
	@ctest --preset $(PRESET)

check-shipped: ## the tests of what is shipped: release build, installation, manifests, image, Debian package
	@$(dependencies) build check image
	@cmake --preset release -Wno-dev --log-level=WARNING -DSHUNT_WERROR=$(if $(CI),ON,OFF)
	@cmake --build --preset shipped -j $(JOBS)
	@ctest --preset shipped

check-kernels: ## only the tests in Debian's 6.1 and 6.12 cloud kernels under qemu
	@$(dependencies) build check
	@cmake --preset dev -Wno-dev --log-level=WARNING
	@cmake --build --preset dev -j $(JOBS) --target tests-guest
	@ctest --preset dev -L '^guest$$' --verbose

check-kubernetes: ## only the tests against a real etcd and kube-apiserver (needs Go; builds them once, minutes)
	@$(dependencies) build check
	@cmake --preset dev -Wno-dev --log-level=WARNING
	@cmake --build --preset dev -j $(JOBS) --target tests-kubernetes
	@ctest --preset dev -L '^kubernetes$$' --verbose

asan tsan: ## unit and scenario tests with address + UB sanitizers; agent and sources with the thread sanitizer
	@$(dependencies) build check
	@cmake --preset $@ -Wno-dev --log-level=WARNING
	@cmake --build --preset $@ -j $(JOBS)
	@ctest --preset $@

fuzz: ## every fuzz target for FUZZ_SECONDS (30) each
	@$(dependencies) build check
	@cmake --preset fuzz -Wno-dev --log-level=WARNING
	@cmake --build --preset fuzz -j $(JOBS)
	@SHUNT_FUZZ_SECONDS=$(FUZZ_SECONDS) ctest --preset fuzz

bench: ## measure the figures of bench/RESULTS.md here (root, minutes)
	@$(dependencies) build bench
	@cmake --preset release -Wno-dev --log-level=WARNING
	@cmake --build --preset release -j $(JOBS) --target connbench load_cluster tenants key_width flow_cost packet_cost empty_object shuntd shuntctl
	@bench/run

bench-kubernetes: ## measure the figures of bench/RESULTS-KUBERNETES.md, on a real API server (root, Go, 10 minutes)
	@$(dependencies) build check bench
	@cmake --preset release -Wno-dev --log-level=WARNING
	@cmake --build --preset release -j $(JOBS) --target shuntd shuntctl
	@tests/kubernetes/build_servers.sh build/kubernetes
	@SHUNT_BUILD=build/release $(debian_python) -B tests/kubernetes/sandbox.py $(debian_python) -B bench/kubernetes.py

install: ## install shuntd, shuntctl and kubectl-shunt below DESTDIR and PREFIX (/usr/local)
	@$(dependencies) build
	@$(MAKE) --no-print-directory all PRESET=release
	@cmake --install build/release --prefix $(PREFIX) --strip

image: ## build the OCI image build/image/shunt.tar (root; no container daemon)
	@$(dependencies) build image
	@$(MAKE) --no-print-directory all PRESET=release
	@python3 -B packaging/image/build_image.py --output build/image \
	  build/release/userspace/agent/shuntd build/release/tools/shuntctl/shuntctl

deb: ## build the Debian package build/deb/shunt_*.deb, with a unit for systemd
	@$(dependencies) build deb
	@$(MAKE) --no-print-directory all PRESET=release
	@cpack --config build/release/CPackConfig.cmake -B build/deb
	@rm -rf build/deb/_CPack_Packages

format: ## rewrite the sources by .clang-format, and C by bpf/.clang-format
	@$(call clang_tool,clang-format) -i $(cc_sources)
	@$(call clang_tool,clang-format) --style=file:bpf/.clang-format -i $(c_sources)

check-format: ## list the sources that clang-format would change
	@$(call clang_tool,clang-format) --dry-run --Werror $(cc_sources)
	@$(call clang_tool,clang-format) --style=file:bpf/.clang-format --dry-run --Werror $(c_sources)

tidy: ## run clang-tidy over what runs in user space
	@$(dependencies) build check
	@$(MAKE) --no-print-directory all
	@cmake/run_clang_tidy.sh $(call clang_tool,clang-tidy) build/dev $(JOBS)

clean: ## remove the builds, but not what was fetched: build/kernels, build/kubernetes, build/sources
	@find build -mindepth 1 -maxdepth 1 ! -name kernels ! -name kubernetes ! -name sources -exec rm -rf {} + 2> /dev/null || true

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z][a-z -]*:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

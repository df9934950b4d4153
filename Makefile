# What a person at a desk and the build server (.ci/run) both run. `make` alone tells what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help deps build release run test fuzz lint format size bench bench-daemon bench-links bench-lab deb try-deb lab
.PHONY: lab-test lab-shell lab-soak install clean

# --no-export-dynamic: Swift's static runtime asks for every symbol to be visible to plugins that we do not have (1 %).
# --disable-local-rpath: root takes no library from the folder of its binary, and no start looks for them there.
# -z now: where functions are is looked up at the start and can't be changed afterwards.
# Static libstdc++ and libgcc, which Swift's runtime needs: loading the shared ones is a quarter of every start, having
# them in the binary 0.7 % of its size. The linker takes what it finds first, so it is shown a folder with only these.
STATIC := $(CURDIR)/.build/static
RELEASE := -c release --static-swift-stdlib -Xswiftc -O -Xlinker --no-export-dynamic --disable-local-rpath -Xlinker -z -Xlinker now \
	-Xswiftc -L$(STATIC) -Xswiftc -Xclang-linker -Xswiftc -static-libgcc

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s%s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

deps: ## install what is missing to build, test and measure (Debian, Ubuntu)
	@scripts/deps.sh

build: ## the debug build
	@scripts/deps.sh build
	swift build

release: ## the binary to ship, as .build/ais-hostd
	@scripts/deps.sh build
	mkdir -p $(STATIC)
	ln -sf "$$(gcc -print-file-name=libstdc++.a)" $(STATIC)/
	swift build $(RELEASE) --product ais-hostd
	strip --remove-section=.comment -o .build/ais-hostd.new .build/release/ais-hostd
	mv .build/ais-hostd.new .build/ais-hostd

run: release ## the story: check this host, then tune, drift and revert in a world of its own (root)
	@scripts/deps.sh run
	@scripts/story.sh .build/ais-hostd

test: ## lint, the units, then every test that can run here, the lab's too; with CI=true those that can't are failures
	@scripts/deps.sh test
	@scripts/lint-test.sh
	@scripts/lint.sh
	@scripts/check-units.sh
	@scripts/fuzz.sh
	swift test --disable-xctest
	@$(MAKE) --no-print-directory size deb lab-test

lab: ## the kernels and guests of the lab, built where they have changed (root)
	@scripts/deps.sh lab
	@cd Tests/Lab && /usr/bin/python3 -m lab build

lab-test: release ## what takes real drivers, systemd, reboots and power cuts, in virtual machines; TESTS= some of them (root)
	@scripts/lab-test.sh $(TESTS)

lab-soak: ## the plug is pulled thirty times (root)
	@CUTS=30 MINUTES=60 $(MAKE) --no-print-directory lab-test TESTS=test_power.py

lab-shell: release lab ## a shell in a machine of the lab; KERNEL=6.1 GUEST=bookworm (root)
	@cd Tests/Lab && /usr/bin/python3 -m lab shell

fuzz: ## feed the parsers of netlink what no kernel would send, for FUZZ_SECONDS (60)
	@scripts/deps.sh build
	@scripts/fuzz.sh

lint: ## the formatter's rules and our own
	@scripts/lint.sh

format: ## let the formatter do it
	swift format --in-place --recursive --parallel Package.swift Sources $(wildcard Tests benchmarks)

size: release ## the binary's size, and that it holds no full Foundation
	@scripts/check-binary.sh .build/release/ais-hostd .build/ais-hostd

bench: release ## what a check costs here, beside a C program and a shell, and how a pass grows (root: loop disks too)
	@scripts/deps.sh bench
	swift build $(RELEASE) --product assessment-benchmark
	@benchmarks/run.sh .build/ais-hostd .build/release/assessment-benchmark

bench-daemon: release ## what the daemon costs at rest, how soon it is ready, and its HTTP beside others (root)
	@scripts/deps.sh bench
	swift build $(RELEASE) --product plain-http
	@benchmarks/daemon.sh .build/ais-hostd .build/release/plain-http

bench-links: release ## what a thousand links cost, beside a shell, and how soon a new one is tuned (root)
	@scripts/deps.sh bench
	@benchmarks/links.sh .build/ais-hostd

bench-lab: release ## the same settings by ais-hostd, a shell, TuneD and Ansible, in virtual machines: an hour or more (root)
	@scripts/deps.sh lab
	@/usr/bin/python3 benchmarks/lab.py

# Another binary to install, and to try in the lab.
AIS_HOSTD ?= .build/ais-hostd

install: ## what make release built, units, profiles and a configuration that only observes, below $DESTDIR
	test -x $(AIS_HOSTD) || { echo "make release first" >&2; exit 1; }
	install -D -m 755 $(AIS_HOSTD) $(DESTDIR)/usr/bin/ais-hostd
	cd etc/profiles && find . -name '*.yaml' -exec install -D -m 644 {} $(abspath $(DESTDIR)/)/usr/lib/ais-hostd/profiles/{} \;
	install -D -m 644 -t $(DESTDIR)/usr/lib/systemd/system systemd/*.service systemd/*.socket
	install -D -m 644 systemd/ais-hostd.sysusers $(DESTDIR)/usr/lib/sysusers.d/ais-hostd.conf
	test -e $(DESTDIR)/etc/ais-hostd/config.yaml || install -D -m 644 etc/config.yaml $(DESTDIR)/etc/ais-hostd/config.yaml

deb: release ## the Debian package, as .build/deb/ais-hostd_VERSION_amd64.deb, looked at by lintian
	@scripts/deps.sh deb
	@scripts/make-deb.sh
	@scripts/check-deb.sh

try-deb: release ## the package's life under a real systemd, in a container of this host's own files (root)
	@scripts/deps.sh test deb
	@scripts/try-deb.sh

clean: ## forget what was built
	rm -rf .build

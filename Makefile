# Everything runs in .venv, made here from the first python3 on PATH (or: make PYTHON=python3.12 ...).

PYTHON ?= python3
VENV ?= .venv
# What draws the dashboards is JavaScript, which npm puts here; see docs/grafana.md.
NODE := build/grafana
BIN := $(VENV)/bin
# A line for each package shows that something happens; there is nobody to answer a question.
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
# More arguments: make run ARGS="--web.listen-address 127.0.0.1:8000", make test ARGS="-k netlink"
ARGS ?=
# make test SETUP=1, as root on Debian: install with apt what the tests need. CI=true does too.
SETUP ?=
# make test-xen SUITE=trixie: a dom0 of Debian 13, in which the tests run that stand for the rest.
SUITE ?= bookworm
# make test-xen ARCH=arm64: a dom0 of arm64, where there are no guests but PVH ones, and no lsevtchn.
ARCH ?= amd64
CHOSEN_amd64 := representative
CHOSEN_arm64 := (representative or arm64) and not lsevtchn
# Python 3.12 and newer measure coverage by sys.monitoring, at little cost. Before, tracing makes what
# is measured twice as slow: COVERAGE=1 does it all the same. Of a part of the tests it says nothing.
CORE = $(shell $(BIN)/python -c 'import sys; print("sysmon" * (sys.version_info >= (3, 12)))' 2>/dev/null)
COVERAGE = $(CORE)
MEASURE = $(if $(ARGS),,$(if $(COVERAGE),--cov --cov-report=term:skip-covered))
# With ARGS it is one process, so that a debugger works.
WORKERS = $(if $(ARGS),,-n logical --maxprocesses 4 --dist worksteal)

.DEFAULT_GOAL := help
.PHONY: help run demo test setup lint check-format check-rules check-types format generate check-generated components dashboards-look wheel packages test-packages bench mutants test-xen keep-captures clean
.DELETE_ON_ERROR:

help:  ## Show this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 26

run: $(VENV)/.installed  ## Install into .venv and start the daemon: this dom0, elsewhere a synthetic host
	exec $(BIN)/xenwatch run --source auto $(ARGS)

demo: $(VENV)/.installed  ## Start a synthetic host, Prometheus and Alertmanager, to try the whole
	exec $(BIN)/python contrib/demo.py $(ARGS)

test: setup lint components  ## Lint, then every test but those inside a real Xen
	@$(if $(ARGS),,echo "make: running every test: 12 to 20 minutes on two cores; part of them: make test ARGS=\"-k WORD\"")
	COVERAGE_CORE=$(CORE) $(BIN)/pytest --ignore tests/xen --ignore tests/packages $(WORKERS) $(MEASURE) $(ARGS)

setup:
ifneq ($(filter true 1,$(CI) $(SETUP)),)
	@$(PYTHON) -I tests/tools.py
endif

# Without npm, or where its registry does not answer, the tests name what they lack.
components: setup
	@! command -v npm >/dev/null || $(MAKE) --no-print-directory $(NODE)/.installed || \
	  echo "make: npm has failed: the dashboards are not drawn" >&2

$(NODE)/.installed: tests/grafana/package.json tests/grafana/package-lock.json tests/grafana/.npmrc
	@echo "make: installing Grafana's components into $(NODE)"
	@mkdir -p $(NODE)
	@cp $^ $(NODE)
	@cd $(NODE) && npm ci --loglevel=error
	@touch $@

dashboards-look: $(VENV)/.test-tools $(NODE)/.installed  ## Draw dashboards and pages into build/grafana/pictures and docs/pictures
	$(BIN)/python -m tests.grafana.look

lint: check-format check-rules check-types  ## Check format, rules and types

check-format: $(VENV)/.test-tools
	$(BIN)/ruff format --check .

check-rules: $(VENV)/.test-tools
	$(BIN)/ruff check .

check-types: $(VENV)/.test-tools
	$(BIN)/mypy

format: $(VENV)/.test-tools  ## Format the code and apply the safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: $(VENV)/.test-tools  ## Write the generated documents, rules and dashboards anew
	$(BIN)/xenwatch generate docs
	$(BIN)/xenwatch generate rules
	$(BIN)/xenwatch generate dashboards
	$(BIN)/python -m tests.architecture --write
	$(BIN)/python -m tests.alerts.table --write

check-generated: $(VENV)/.test-tools  ## Fail when a generated file is stale
	$(BIN)/xenwatch generate docs --check
	$(BIN)/xenwatch generate rules --check
	$(BIN)/xenwatch generate dashboards --check

wheel: $(VENV)/.installed  ## Build the wheel into dist/
	$(PIP) wheel --no-deps --wheel-dir dist .

packages: $(VENV)/.created  ## Build the archive, rpm and deb into dist/packages: docs/packages.md
	$(BIN)/python contrib/packages/make_packages.py $(ARGS)

test-packages: $(VENV)/.test-tools  ## Install the packages of dist/packages into roots, as root on Debian
	$(BIN)/pytest tests/packages -p no:randomly -o timeout=1200 $(ARGS)

bench: $(VENV)/.test-tools  ## Benchmark xenwatch against its peers, write docs/performance.md; takes over an hour
	$(BIN)/python -m tests.benchmarks $(ARGS)

mutants: $(VENV)/.test-tools  ## Change the code in small ways and see whether tests notice; takes long
	@$(PIP) install --quiet --group mutants
	$(BIN)/mutmut run --max-children 1 $(ARGS)

test-xen: $(VENV)/.test-tools  ## The tests inside a real Xen under emulation
	SUITE=$(SUITE) ARCH=$(ARCH) $(BIN)/pytest tests/xen -p no:randomly -o timeout=1500 --session-timeout 5400 \
	  $(if $(filter bookworm-amd64,$(SUITE)-$(ARCH)),,-m '$(CHOSEN_$(ARCH))') \
	  -o log_cli=true -o log_cli_level=INFO -o log_cli_format='%(asctime)s %(message)s' $(ARGS)

keep-captures: $(VENV)/.test-tools  ## Renew the captured hosts from the last test-xen
	SUITE=$(SUITE) ARCH=$(ARCH) $(BIN)/python -m tests.xen.keep

clean:  ## Remove what make has made
	rm -rf $(VENV) dist build mutants .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: $(PYTHON) is missing or older than 3.11; give one by: make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "make: $(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; \
	  exit 1; }
	@echo "make: creating the environment $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

# The version is in the metadata of the installation, so that a new one installs anew.
$(VENV)/.installed: $(VENV)/.created pyproject.toml xenwatch/__init__.py
	@echo "make: installing xenwatch into $(VENV): 10 seconds where the network is fast; pip says what it fetches"
	@$(PIP) install --editable .
	@touch $@

# pip knows --group since 25.1; Debian 12 has 23.0.
$(VENV)/.test-tools: $(VENV)/.installed
	@echo "make: installing what tests and checks need into $(VENV), once: longer than xenwatch itself"
	@$(PIP) install 'pip>=25.1'
	@$(PIP) install --group test --group lint --group generate
	@touch $@

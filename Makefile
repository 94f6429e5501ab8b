# Everything that a developer, a newcomer or CI runs. Needs make and Python 3.11+; the rest is fetched, pinned by hash.
#   make demo      make test      make help
# Extra arguments go through ARGS:  make demo ARGS=--serve    make test ARGS="-k detection"

VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := uv==0.13.9
ARGS ?=

# The first of these that is Python 3.11+ and can make a virtual environment. Or say which: make test PYTHON=/path/to/python3
FITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	"$$p" -c '$(FITS)' >/dev/null 2>&1 && { echo "$$p"; break; }; done)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install demo test lint format bench strain docs ehrs pictures servers lock clean

help: ## Show these targets
	@grep -hE '^[a-z]+:.*## ' Makefile | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" && "$(PYTHON)" -c '$(FITS)' 2>/dev/null || { \
	  echo "Python 3.11 or newer, with its venv module, is needed and was not found$(if $(PYTHON), at $(PYTHON))."; \
	  echo "Install it (on Debian and Ubuntu: python3 and python3-venv), or say where it is: make PYTHON=/path/to/python3"; \
	  exit 2; } >&2
	@echo "Installing the locked dependencies into $(VENV) (once; again when the lock changes)"
	@"$(PYTHON)" -m venv "$(VENV)"
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.lock
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch "$@"

install: $(READY) ## Make the virtual environment and nothing else

demo: $(READY) ## Embedded FHIR server, synthetic clinic, the whole loop; what to look at next
	@"$(BIN)/fhir-alliance" demo $(ARGS)
	@command -v fhir-alliance >/dev/null || echo "To have fhir-alliance as a command here: . $(BIN)/activate" >&2

test: $(READY) lint servers ## Lint, types, then every test, those against real FHIR servers included
	@"$(BIN)/python" -m pytest -n 2 --dist loadgroup $(ARGS)

lint: $(READY) ## ruff check, ruff format --check, mypy --strict
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/mypy"

format: $(READY) ## Let ruff put the code into shape
	"$(BIN)/ruff" check --fix .
	"$(BIN)/ruff" format .

bench: $(READY) ## Speed and memory: read, score and detect against the raw page walk
	@"$(BIN)/python" -m benchmarks $(ARGS)

strain: $(READY) ## The open benchmark of strain policies: results, tables, picture, figures (some minutes)
	@"$(BIN)/python" -m benchmarks.strain $(ARGS)

docs: $(READY) ## Generate the reference of settings and commands, and the example configuration
	@"$(BIN)/python" -m fhir_alliance.configdoc config/fhir-alliance.example.toml docs/reference/config.md
	@"$(BIN)/python" -m fhir_alliance.clidoc docs/reference/cli.md
	@"$(BIN)/python" -m fhir_alliance.instrumentdoc docs/reference/instruments.md
	@"$(BIN)/python" -m fhir_alliance.ehrdoc docs/reference/ehrs.md
	@"$(BIN)/fhir-alliance" instruments schema > fhir_alliance/instruments/instrument.schema.json
	@"$(BIN)/python" -m fhir_alliance.simulate.page docs/reference/simulate.md

ehrs: $(READY) ## Make the pages under docs/ehr anew: what doctor prints, by the servers that run here
	@"$(BIN)/python" -m tests.servers.doctor_pages docs/ehr

pictures: $(READY) ## Make the pictures under docs/images anew
	@"$(BIN)/python" -m fhir_alliance.demo.pictures docs/images

servers: $(READY) ## Prepare the FHIR servers that the tests start, as far as Node.js and Java are here
	@"$(BIN)/python" -m tests.servers.builds

lock: ## Bring requirements.lock in line with pyproject.toml; ARGS=--upgrade takes the newest versions
	@test -x .cache/lock/bin/uv || { "$(PYTHON)" -m venv .cache/lock && .cache/lock/bin/pip install --quiet $(UV); }
	.cache/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-build \
	  --extra demo --extra dev --extra serve --custom-compile-command "make lock" $(ARGS) -o requirements.lock pyproject.toml

clean: ## Remove what was built here: environment, caches, test servers
	rm -rf "$(VENV)" .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist \
	  tests/servers/medplum/node_modules tests/servers/hapi/target

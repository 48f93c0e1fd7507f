# make synth   CloudFormation of every architecture in cdk.out/, and the catalogue
# make test    the whole test suite
# make airflow the workflow of airflow_workflow in a real Airflow, which `make test` includes
# make rehearsal  the emulated AWS that `mla rehearse` deploys into
# make check   formatting, types, cfn-lint, secrets, licences, vulnerabilities, tests
# make lock    requirements*.txt and package-lock.json, from requirements*.in and package.json
# make licences docs/licences.md, of what is locked
# make bench   the figures of the README, measured again
# make readme  the generated parts of README.md
# make clean   removes what the others made
#
# Each sets up what it needs; the second time nothing is installed again.

PYTHON ?= python3
VENV := .venv
AIRFLOW := .venv-airflow
EMULATOR := .venv-emulator
BIN := $(CURDIR)/$(VENV)/bin
PIP := -m pip install --quiet --disable-pip-version-check
export PATH := $(BIN):$(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: synth test airflow rehearsal check lock licences bench readme clean
.DEFAULT_GOAL := synth

synth: $(VENV)/.synth node_modules/.installed
	cdk synth --quiet
	mla list

test: $(VENV)/.dev node_modules/.installed airflow rehearsal
	pytest

# Airflow's dependencies contradict ours: it has an environment of its own, of 300 MB.
airflow: $(AIRFLOW)/.installed $(VENV)/.dev
	$(AIRFLOW)/bin/python -m pytest -c tests/airflow/pytest.ini tests/airflow

# The emulated AWS pins another botocore than ours: an environment of its own, of 100 MB.
rehearsal: $(EMULATOR)/.installed $(VENV)/.dev node_modules/.installed

check: $(VENV)/.dev node_modules/.installed airflow rehearsal
	ruff format --check .
	ruff check .
	mypy
	cdk synth --quiet
	cfn-lint --template cdk.out/*.template.json
	mla check --info cdk.out/*.template.json
	secretlint "**/*" && echo "secrets: none found"
	python scripts/licences.py --check
	python scripts/audit.py
	pytest

# Versions that are locked stay; `make lock UPGRADE=--upgrade` takes the newest where no pin says otherwise.
lock: $(VENV)/.dev
	python scripts/lock.py $(UPGRADE)
	npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --silent

licences: $(VENV)/.dev $(AIRFLOW)/.installed
	python scripts/licences.py

bench: $(VENV)/.dev node_modules/.installed
	python scripts/bench.py

readme: $(VENV)/.synth
	python scripts/readme.py
	python scripts/rule_reference.py

clean:
	rm -rf $(VENV) $(AIRFLOW) $(EMULATOR) node_modules cdk.out .mla .mypy_cache .pytest_cache .ruff_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.synth: requirements.txt pyproject.toml | $(VENV)/bin/python
	python $(PIP) --no-deps --require-hashes --requirement requirements.txt
	python $(PIP) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.synth
	python $(PIP) --no-deps --require-hashes --requirement requirements-dev.txt
	touch $@

$(AIRFLOW)/.installed: runtime/airflow/requirements.txt
	$(PYTHON) -m venv $(AIRFLOW)
	$(AIRFLOW)/bin/python $(PIP) --no-deps --require-hashes --requirement runtime/airflow/requirements.txt
	touch $@

$(EMULATOR)/.installed: rehearsal/emulator/requirements.txt
	$(PYTHON) -m venv $(EMULATOR)
	$(EMULATOR)/bin/python $(PIP) --no-deps --require-hashes --requirement $<
	touch $@

# npm comes with Node in the virtual environment.
node_modules/.installed: package.json package-lock.json $(VENV)/.synth
	npm ci --ignore-scripts --no-audit --no-fund --silent
	touch $@

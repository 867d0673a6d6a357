# Two commands are the whole set-up: `make demo` and `make test`. Each needs only Python >= 3.11, make and a package index.
.DEFAULT_GOAL := help
.PHONY: help demo test quick conformance scale faults ledger bench lint format sandbox readme constraints hub clean

PYTHON ?= python3
PORT ?= 8100
# Three at a time on two cores, as some wait for what they started; a file in one go, as some tests build up what the next
# ones of their file look at.
SIDE_BY_SIDE := -n 3 --dist loadfile --no-loadscope-reorder
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
export UV_COMPILE_BYTECODE := 1

help: ## What can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: .venv/synced ## Run the whole pipeline against the sandbox: no account needed (KEEP=1 keeps its pages up)
	@$(UV) run --no-sync demo $(if $(KEEP),--keep || [ $$? -eq 130 ])

test: .venv/synced ## Run every test
	$(UV) run --no-sync pytest $(SIDE_BY_SIDE)

quick: .venv/synced ## Run the tests of the daily loop: all but those that tests/slow.txt names
	$(UV) run --no-sync pytest $(SIDE_BY_SIDE) -m 'not slow and not conformance'

conformance: .venv/synced ## Run others' clients and connectors against the sandbox, then fuzz it for a minute
	$(UV) run --no-sync pytest $(SIDE_BY_SIDE) -m conformance tests/conformance
	$(UV) run --no-sync pytest $(SIDE_BY_SIDE) -m fuzz --hypothesis-profile=thorough tests/sandbox

faults: .venv/synced ## Kill, drop and storm, at fifty moments
	FAULT_MOMENTS=50 $(UV) run --no-sync pytest -m faults -n 2

scale: .venv/synced .venv-airflow/synced ## Run two sites on a real Airflow with two workers, kill and restart; months, the container and Dagster
	PATH="$(dir $(abspath $(UV))):$$PATH" $(UV) run --no-sync pytest -m scale -s tests/scale

ledger: .venv/synced ## Reckon a business of 2,000 over twelve months independently of the map, in both catalogs, account for 600 customers, and walk over the page of 2,000
	LEDGER_CUSTOMERS=2000 LEDGER_MONTHS=12 $(UV) run --no-sync pytest -n 2 tests/map_subscriptions/test_map_subscriptions_ledger.py
	ACCOUNTS_CUSTOMERS=600 ACCOUNTS_MONTHS=12 $(UV) run --no-sync pytest -n 2 tests/target_intercom/test_target_intercom_accounts.py
	PAGE_CUSTOMERS=2000 $(UV) run --no-sync pytest tests/pipeline/test_pipeline_page.py

bench: .venv/synced ## Measure speed, calls and memory of every part, into bench/RESULTS.md
	$(UV) run --no-sync python bench/gather.py

lint: .venv/synced ## Check style, types and the lock file
	$(UV) lock --check
	$(UV) run --no-sync ruff check .
	$(UV) run --no-sync ruff format --check .
	$(UV) run --no-sync mypy

format: .venv/synced ## Put the code into its format
	$(UV) run --no-sync ruff check --fix .
	$(UV) run --no-sync ruff format .

sandbox: .venv/synced ## Serve the sandbox until interrupted (PORT=8100)
	$(UV) run --no-sync sandbox --port $(PORT) --customers 500 --seed 7

readme: .venv/synced ## Write the real output of the demo and the console into docs/demo.md and docs/operations.md
	$(UV) run --no-sync demo --into docs/demo.md
	README_INTO=1 $(UV) run --no-sync pytest tests/pipeline/test_pipeline_console.py

constraints: .venv/synced ## Write the versions of uv.lock for `meltano install`
	$(UV) export --quiet --frozen --no-hashes --no-emit-workspace --no-annotate --no-header --all-packages --no-default-groups -o constraints.txt

hub: .venv/synced ## Write hub/*.yml, the plugin definitions that `meltano add --from-ref` takes
	$(UV) run --no-sync python scripts/make_hub.py

clean: ## Remove what the commands above made (not .env, not Meltano's state)
	rm -rf .venv .venv-conformance .venv-airflow .uv .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The mark is newer than everything it was made from, so that a second command starts at once.
.venv/synced: $(if $(filter .uv/%,$(UV)),.uv/bin/uv) pyproject.toml uv.lock $(wildcard */pyproject.toml)
	$(UV) sync
	@touch $@

.venv-airflow/synced: deploy/airflow/constraints.txt deploy/airflow/requirements.txt $(if $(filter .uv/%,$(UV)),.uv/bin/uv)
	$(UV) venv --quiet --clear .venv-airflow
	$(UV) pip install --quiet --python .venv-airflow --constraint deploy/airflow/constraints.txt --requirement deploy/airflow/requirements.txt
	@touch $@

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check uv

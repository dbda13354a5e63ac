# `make audit` and `make test` are all that a newcomer needs; the rest is for developers.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: audit test check docs reports bench validity clean .venv

# Ends with status 0 whatever the verdict: a fail (1) or a review (3) is what the example shows.
audit: .venv
	@$(BIN)/auditkit run examples/census_income/auditkit.toml --out reports; \
	status=$$?; case $$status in 0|1|3) exit 0;; *) exit $$status;; esac

test: .venv
	@$(BIN)/auditkit run examples/census_income/auditkit.toml --out reports; \
	status=$$?; case $$status in 0|1|3) ;; *) exit $$status;; esac
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

check: .venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_rules.py

docs: .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo build/site/index.html

reports: .venv
	$(BIN)/python reports/make_sample.py

bench: .venv
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/explain.py
	$(BIN)/python benchmarks/private.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[codecarbon]"
	$(BIN)/python benchmarks/meter.py
	$(BIN)/python benchmarks/flops.py
	$(BIN)/python benchmarks/guard.py

validity: .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs,mlflow,notebook,ray,spark]"
	$(BIN)/python -m pytest -m slow
	$(BIN)/python benchmarks/interval_coverage.py
	$(BIN)/python benchmarks/shapley_coverage.py
	$(BIN)/python benchmarks/membership_validity.py
	$(BIN)/python benchmarks/personal_data.py
	$(BIN)/python benchmarks/epsilon_validity.py
	$(BIN)/python benchmarks/planted.py
	$(BIN)/python benchmarks/hostile_input.py
	$(BIN)/python benchmarks/supply_chain.py

.venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("auditkit needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $(STAMP)

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

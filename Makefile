# Everything a person or CI runs, one line each. `make setup` is implied by all others.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# A test that starts programs or waits for a chain leaves a core half idle. A file's tests stay together: they share
# markets. Files go out in the order of tests/conftest.py, the longest first.
TOGETHER := -n 4 --dist loadfile --no-loadscope-reorder
FAST_TESTS := $(BIN)/python -m pytest -m "not slow" $(TOGETHER)
SCENE := build/examples/roof.blend
PROJECTS := -e market[wire,blobs,exr,chain,devchain] -e coordinator[postgresql,s3] -e worker[bpy] -e blender_addon -e requester[local]

.PHONY: setup setup-blender5 demo test test-fast lint types contracts contracts-deep contracts-coverage contracts-gas
.PHONY: contracts-check ten-thousand soak slither halmos mutants addon addon-repository bench verify-bench market-sim calibrate gpu-kit clean

setup: $(VENV)/.installed contracts/node_modules/.installed

setup-blender5: .venv-blender5/.installed ## a second Blender, which some tests of `make test` render with if it is there

demo: setup $(SCENE) ## the main job on this computer: a scene becomes a verified, paid frame in demo-out/
	$(BIN)/tegula local $(SCENE) --out demo-out

test: setup ## fast tests first, then those with real renders, chains and databases
	$(FAST_TESTS)
	$(BIN)/python -m pytest -m slow $(TOGETHER)

test-fast: setup
	$(FAST_TESTS)

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(MAKE) types contracts-check

types: setup
	$(BIN)/mypy

contracts: setup ## build and test the escrow, write ABI and bytecode into tegula_market
	contracts/tools/forge build
	contracts/tools/forge test
	$(BIN)/python contracts/tools/artifacts.py write

contracts-deep: setup ## ten times the runs: fuzz 10,000, invariants 1,000 x 100
	FOUNDRY_PROFILE=deep contracts/tools/forge test

contracts-coverage: setup ## of contracts/src, which has to be complete
	$(BIN)/python contracts/tools/coverage.py

contracts-gas: setup ## writes what acts cost into contracts/snapshots/; `make contracts` compares
	FORGE_SNAPSHOT_CHECK=false contracts/tools/forge test --match-contract GasTest

slither: setup build/slither/.installed ## static analysis of the escrow; docs/contracts.md says what is not asked, and why
	cd contracts && PATH="$(CURDIR)/contracts/tools:$(CURDIR)/build/slither/bin:$$PATH" slither . --config-file slither.config.json

halmos: setup build/halmos/.installed ## that the escrow's books promise no more than there is, proved for all inputs
	cd contracts && PATH="$(CURDIR)/contracts/tools:$$PATH" FOUNDRY_TEST=proofs FOUNDRY_OUT=../build/halmos/out \
	FOUNDRY_CACHE_PATH=../build/halmos/cache ../build/halmos/bin/halmos --contract ProofTest --forge-build-out ../build/halmos/out

ten-thousand: setup ## tiles of $$0.001 for twenty workers, with kills, every balance to the unit; `make test` plays 900
	TEGULA_TEN_THOUSAND=1 $(BIN)/python -m pytest -s tests/end_to_end/test_ten_thousand.py

soak: setup ## ten minutes in which anything fails, every balance to the unit; `make soak SOAK_SECONDS=3600` plays an hour
	TEGULA_SOAK_SECONDS=$(SOAK_SECONDS) TEGULA_SOAK_SEED=$(SOAK_SEED) $(BIN)/python -m pytest -s tests/end_to_end/test_soak.py
SOAK_SECONDS ?= 600
SOAK_SEED ?=

mutants: setup ## changes the escrow in small ways and counts the changes that no test notices; an hour and more
	$(BIN)/python contracts/tools/mutants.py

contracts-check: setup ## the committed ABI and bytecode are those of the source
	$(if $(HAVE_NPM),$(BIN)/python contracts/tools/artifacts.py check,@echo "SKIPPED: npm is missing; the contracts were not rebuilt")

addon: setup ## the Blender extension as one zip in build/addon/
	$(BIN)/python blender_addon/build.py --out build/addon

addon-repository: setup ## the same, and a static repository of it to serve from any web server
	$(BIN)/python blender_addon/build.py --out build/addon --repository build/addon-repository

bench: setup $(SCENE)
	$(BIN)/python bench/run.py $(SCENE) --out bench-out

verify-bench: setup ## cheats found, honest tiles believed, what it costs; 25 minutes, 6 the second time
	PYTHONPATH=bench $(BIN)/python -m verification.run --out bench-out/verification

market-sim: setup ## attacks, prices and fairness in a market of 200 synthetic workers; two minutes
	PYTHONPATH=bench $(BIN)/python -m simulator.run --out docs/market

calibrate: setup ## measure honest differences anew, for the shipped thresholds
	PYTHONPATH=bench $(BIN)/python -m verification.calibrate --out bench-out/verification

gpu-kit: setup ## the whole market for a Linux machine with an NVIDIA driver, in parts to send: docs/gpu.md
	rm -rf build/gpu-kit
	$(BIN)/python -m tools.gpu_check.pack --out build/gpu-kit

clean:
	rm -rf build dist demo-out bench-out contracts/out contracts/cache

$(SCENE): $(wildcard examples/*.py) $(VENV)/.installed
	mkdir -p $(@D)
	$(BIN)/python examples/build_roof.py $@

$(VENV)/.installed: constraints.txt $(wildcard */pyproject.toml)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt $(PROJECTS) -r requirements-dev.txt
	touch $@

.venv-blender5/.installed: constraints-blender5.txt
	$(PYTHON) -m venv .venv-blender5
	.venv-blender5/bin/python -m pip install --quiet --upgrade pip
	.venv-blender5/bin/python -m pip install --quiet -c constraints-blender5.txt bpy
	touch $@

# slither wants an older web3 than ours, and halmos pins versions of its own.
build/slither/.installed build/halmos/.installed: build/%/.installed:
	$(PYTHON) -m venv build/$*
	build/$*/bin/python -m pip install --quiet $(TOOL_$*)
	touch $@
TOOL_slither := slither-analyzer==0.11.6
TOOL_halmos := halmos==0.3.3

HAVE_NPM := $(shell command -v npm)
contracts/node_modules/.installed: contracts/package-lock.json
ifneq ($(HAVE_NPM),)
	cd contracts && npm ci --no-audit --no-fund
else
	@echo "npm is missing: the chain will be eth-tester's, from PyPI. For anvil: apt-get install npm"
	mkdir -p $(@D)
endif
	touch $@

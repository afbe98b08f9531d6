# make demo    label every unit of a network trained on the embedded data set
# make test    run the tests
# make test-cluster   run the workflow on a Slurm cluster of two nodes on this machine (Debian: apt-get install slurm-wlm munge)
# make test-faults   kill jobs, fill the disk, damage files, and check that the next run recovers (an hour)
# make test-golden GOLDEN=folder   compare with all reference data of published MILAN (a small part is in tests/fixtures)
# make test-analyses   run all analyses and the whole evidence on a tiny network (ten minutes)
# make test-experiments   run all experiments of `snakemake experiments` on tiny networks (ten minutes)
# make test-same-bytes   compare the tables of five networks for several shards, chunks, batch sizes and cores (half an hour)
# make fuzz    feed damaged files to every reader for 5 minutes
# make status  list the jobs that would run
# make settings   write the comments of config.yaml and docs/configuration.md from the descriptions in the schema
# make requirements   write requirements.txt and envs/base.yaml from pyproject.toml
# make pictures   take the pictures of README and manual from the demo and a second network beside it (needs Chromium)
# make lint-js   check style, errors and types of the catalog's scripts (needs Node.js); make format-js mends their style
# make docs    build the manual in docs/_build/html, with warnings as errors
# make bench   time the engine beside the published package (in a separate environment), exemplars, captions, the workflow
# make bench-catalog   a catalog of 100,000 units in Chromium: first entries, search, memory, height of the page, map
# make bench-gpu   each path on a GPU and on the CPU: times, and whether the results are the same
# make bench-memory   peak memory of the stages on 22,000 images (15 minutes, 12 GB on disk)
# make bench-size   growth of times with images, units, concepts and layers as exponents; FOLDER=path also runs at full size there (hours, 3 GB)
# make compare-peer   check the searches against the published package on 210 random problems (5 minutes)
# VENV=path    use (or create) a virtual environment elsewhere, for example one that several checkouts share

VENV ?= .venv
PYTHON ?= python3
CORES ?= all
BIN := $(VENV)/bin
STAMP := $(VENV)/.neuron-lexicon-$(shell cat requirements.txt requirements-dev.txt | cksum | tr ' ' '-')
JS := tests/javascript
ESLINT := $(JS)/node_modules/.bin/eslint --config $(JS)/eslint.config.js
PAGE := lib/reporting/catalog/templates
SOURCES := lib workflow_scripts tests envs $(wildcard docs/*.py)

# Snakemake keeps a cache in the home folder, or below this folder if the home folder is not writable
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)
ifeq ($(shell mkdir -p "$(CACHE)" 2>/dev/null && test -w "$(CACHE)" && echo yes),)
export XDG_CACHE_HOME := $(CURDIR)/.snakemake/cache
endif

# without cached bytecode every job would compile torch again, which takes 10 seconds
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-analyses test-cluster test-experiments test-faults test-golden test-same-bytes fuzz status lint lint-js format format-js requirements settings pictures docs bench bench-catalog bench-gpu bench-latents bench-memory bench-size compare-peer clean

demo: $(STAMP)
	$(BIN)/snakemake --cores $(CORES)

# the tests of a module run on one worker, so that they share costly fixtures; one worker more than cores,
# because the first finished run of the workflow is made by one of them while the others wait
test: $(STAMP)
	$(BIN)/python -m pytest --numprocesses $$(($$(nproc) + 1)) --maxprocesses 4 --dist loadfile --no-loadscope-reorder --durations 20

test-analyses: $(STAMP)
	$(BIN)/python -m pytest -m analyses --numprocesses 2 --dist loadfile tests/workflow

test-cluster: $(STAMP)
	$(BIN)/python -m pytest -m cluster tests/cluster

test-faults: $(STAMP)
	$(BIN)/python -m pytest -m faults tests/workflow

test-golden: $(STAMP)
	@test -d "$(GOLDEN)/golden" || (echo "GOLDEN=$(GOLDEN) holds no folder golden: name the folder of the reference data" && exit 1)
	GOLDEN="$(abspath $(GOLDEN))" $(BIN)/python -m pytest -rs tests/captioning tests/stages/exemplars/test_exemplars_golden.py

test-experiments: $(STAMP)
	$(BIN)/python -m pytest -m experiments tests/workflow

test-same-bytes: $(STAMP)
	$(BIN)/python -m pytest -m same_bytes tests/workflow

fuzz: $(STAMP)
	$(BIN)/python tests/fuzz.py

status: $(STAMP)
	$(BIN)/snakemake --cores $(CORES) --dry-run --quiet host rules reason

lint: $(STAMP)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/snakefmt --check Snakefile rules

format: $(STAMP)
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/snakefmt Snakefile rules

# a registry that does not answer must not hold up a check
$(JS)/node_modules/.package-lock.json: $(JS)/package-lock.json
	npm ci --prefix $(JS) --ignore-scripts --no-audit --no-fund --fetch-timeout=20000
	touch $@

lint-js: $(JS)/node_modules/.package-lock.json
	$(ESLINT) --max-warnings 0 $(PAGE)
	$(JS)/node_modules/.bin/tsc --project $(JS)

format-js: $(JS)/node_modules/.package-lock.json
	$(ESLINT) --fix $(PAGE)

requirements:
	$(PYTHON) envs/generate.py

settings: $(STAMP)
	$(BIN)/python docs/settings.py

pictures: $(STAMP)
	$(BIN)/snakemake --cores $(CORES) --configfile docs/pictures.yaml
	$(BIN)/python docs/pictures.py

docs: $(STAMP)
	$(BIN)/python -m sphinx -W --keep-going --quiet -b html docs docs/_build/html

bench: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_engine.py --peer-venv $(VENV)-peer
	$(BIN)/python tests/benchmarks/bench_forward.py
	$(BIN)/python tests/benchmarks/bench_milan.py
	$(BIN)/python tests/benchmarks/bench_workflow.py

bench-catalog: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_catalog.py

bench-gpu: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_gpu.py

bench-latents: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_latents.py

bench-memory: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_memory.py

bench-size: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_size.py growth
ifdef FOLDER
	$(BIN)/python tests/benchmarks/bench_size.py images --folder "$(FOLDER)"
	$(BIN)/python tests/benchmarks/bench_size.py concepts --folder "$(FOLDER)"
endif

compare-peer: $(STAMP)
	$(BIN)/python tests/benchmarks/compare_peer.py --peer-venv $(VENV)-peer

clean:
	rm -rf results resources logs benchmarks .snakemake docs/_build

# the environment is rebuilt when the requirements change
$(STAMP):
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
	  (echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version); name another one: make PYTHON=python3.12" && exit 1)
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements-dev.txt
	touch $@

# `make demo` and `make test` are all that a newcomer needs, with Python 3.11–3.13 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# TensorFlow's start-up notices would drown what a person wants to read.
export TF_CPP_MIN_LOG_LEVEL := 3

.PHONY: faults demo adult movies test test-all flink-test lint proto docs bench clean
.DEFAULT_GOAL := demo

# Made again when what decides the environment's content changes.
$(VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "prebake needs Python 3.11, 3.12 or 3.13, this is %d.%d: make PYTHON=python3.11 ..." % v)'
	@echo "Setting up $(VENV) (about two minutes, once) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(VENV)/ready  ## California housing, from CSV shards to predictions
	$(BIN)/python examples/fetch.py housing
	$(BIN)/prebake run examples/housing/housing.yaml
	$(BIN)/prebake predict runs/housing examples/housing/data/housing-00000-of-00020.csv --head 5

adult: $(VENV)/ready  ## the same for Adult census
	$(BIN)/python examples/fetch.py adult
	$(BIN)/prebake run examples/adult/adult.yaml
	$(BIN)/prebake predict runs/adult examples/adult/data/adult-00000-of-00020.csv --head 5

movies: $(VENV)/ready  ## every kind of feature at once: lists, text, times, images
	$(BIN)/python examples/fetch.py movies
	$(BIN)/prebake run examples/movies/movies.yaml
	$(BIN)/prebake predict runs/movies examples/movies/data/movies-00000-of-00020.csv --head 5

# Files of tests side by side. Four processes at most: each has TensorFlow in it.
SIDE_BY_SIDE := -n auto --maxprocesses 4

test: lint  ## everything but the long tests
	$(BIN)/python -m pytest -m 'not long' $(SIDE_BY_SIDE)

test-all: lint  ## everything but the cluster
	$(BIN)/python -m pytest -m 'not flink' $(SIDE_BY_SIDE)

flink-test: $(VENV)/ready  ## on a Flink cluster of two workers, which it sets up: needs a JDK 17 and Maven, downloads 290 MB
	$(BIN)/python -m pytest -m flink tests/pipelines/test_flink.py tests/pipelines/test_flink_hosts.py

faults: $(VENV)/ready  ## docs/faults.md: each hostile input and fault tried, right or wrong
	$(BIN)/python -m pytest -q -m 'not long' --faults

TYPED := build/typed/prebake
lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@# The folders lie at the top level but are one package: mypy sees them as they are installed.
	@rm -rf $(TYPED) && mkdir -p $(TYPED)
	@ln -s $(addprefix $(CURDIR)/,$(wildcard prebake/*.py) schemas transforms pipelines training deploy) $(TYPED)
	cd build/typed && $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml -p prebake

bench: $(VENV)/ready  ## docs/performance.md: what prebake costs, beside other ways to do the same
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m benchmarks

PROTOS := $(addprefix schemas/,training.proto spec.proto statistics.proto manifest.proto)
proto: $(VENV)/ready  ## generated classes from schemas/*.proto
	mkdir -p build/proto
	$(BIN)/python -m grpc_tools.protoc -Iprebake/schemas=schemas --python_out=build/proto --pyi_out=build/proto $(PROTOS)
	cp build/proto/prebake/schemas/* schemas/

docs: $(VENV)/ready  ## docs/features.md, from the comments of schemas/spec.proto and docs/features/
	$(BIN)/python docs/make_features.py

clean:
	rm -rf $(VENV) build runs examples/*/data *.egg-info

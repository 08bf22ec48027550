# `make` prints the targets. Each does its own set-up.

GO       ?= go
FUZZTIME ?= 30s
KILLS    ?= 50
CUTS     ?= 2000
SEEDS    ?= 20
SIZE     ?= 1GiB
# How large the networks of 'make soak' are, and of 'make bench'.
NODES    ?= 1000
# How many seeds of chaos 'make soak-networks' runs.
CHAOS    ?= 1000
# What 'make test' runs under the race detector; 'make race' runs everything.
RACE     ?= ./bench/experiments ./actors/cache ./actors/drive ./actors/randomizer ./actors/reader ./actors/store \
  ./runtime/api ./runtime/blockstore ./runtime/draft ./runtime/host ./runtime/node ./runtime/repo \
  ./runtime/shell ./runtime/tree ./sim ./cluster ./cluster/bitswap

.DEFAULT_GOAL := help
.PHONY: help build demo check test race sim fuzz bench experiments soak soak-networks generate \
  clean go-present

help: ## print this
	@echo "NoiseFS: a private drive on a public block network"
	@echo
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

go-present:
	@command -v $(GO) >/dev/null || { echo "Go 1.26 or newer is needed: https://go.dev/doc/install" >&2; exit 1; }

build: go-present ## build ./noisefs
	$(GO) build -trimpath -buildvcs=auto -o noisefs ./cmd/noisefs

demo: build ## start five nodes, store a file, lose a node, read the file back
	@./noisefs demo

check: go-present ## format, vet, static checks, tidy modules, generated files
	@files=$$($(GO) tool gofumpt -l .); test -z "$$files" || { echo "run 'go tool gofumpt -w .' on: $$files" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff
	$(GO) test ./runtime

test: go-present ## the tests, the important ones under the race detector too
	NOISEFS_KILLS=$(KILLS) NOISEFS_CUTS=$(CUTS) $(GO) tool gotestsum --format pkgname -- -timeout 14m ./...
	$(GO) tool gotestsum --format pkgname -- -race -short -timeout 14m $(RACE)

race: go-present ## everything under the race detector
	$(GO) test -race -timeout 60m ./...

sim: build ## scenarios of one node and of a network of 30, over SEEDS seeds
	NOISEFS_SEEDS=$(SEEDS) $(GO) test -count=1 -run 'Scenario|Chaos' -v ./sim/...
	./noisefs sim sweep chaos --seeds $(SEEDS)

fuzz: go-present ## every fuzz target for FUZZTIME each
	@for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg 2>/dev/null | grep '^Fuzz'); do \
	    echo "== $$pkg $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done; \
	done

bench: build ## Go benchmarks, then noisefs bench store and noisefs bench sim
	$(GO) test -run '^$$' -bench . -benchmem ./...
	./noisefs bench store --size $(SIZE)
	./noisefs bench sim --nodes $(NODES)

# EXPERIMENTS takes flags, as EXPERIMENTS='-only peers -seeds 2'. The commit is on the pages.
experiments: go-present ## run the experiments and write docs/experiments (two hours on 2 cores)
	$(GO) build -trimpath -buildvcs=auto -o bin/experiments ./bench/experiments
	./bin/experiments $(EXPERIMENTS)

# Each built-in scenario with its assertions, a line each, however many fail; what they
# printed is in bin/soak. Churn has one of its four hours: with 1,000 nodes that is many sessions.
# Chaos has many seeds of 30 nodes instead, CHAOS of them; 0 leaves it out.
soak-networks: build
	@mkdir -p bin/soak; failed=; \
	for name in $$(./noisefs sim list | awk '$$1 != "chaos" {print $$1}'); do \
	  hours=; test $$name != churn || hours="--duration 1h"; \
	  if ./noisefs sim run $$name --nodes $(NODES) $$hours >bin/soak/$$name.txt 2>&1; \
	  then echo "pass  $$name"; \
	  else echo "FAIL  $$name: $$(tail -n 1 bin/soak/$$name.txt)"; failed="$$failed $$name"; fi; \
	done; test -z "$$failed" || { echo "failed with $(NODES) nodes:$$failed" >&2; exit 1; }
	@test $(CHAOS) = 0 || ./noisefs sim sweep chaos --seeds $(CHAOS)

soak: go-present ## the long suites: 1,000 kills, 100,000 power cuts, 5 GiB, churn, networks of 1,000
	NOISEFS_SOAK=1 NOISEFS_KILLS=1000 NOISEFS_MOUNT_KILLS=500 NOISEFS_CUTS=100000 NOISEFS_SEEDS=1000 \
	  $(GO) tool gotestsum --format pkgname -- -count=1 -timeout 6h ./...
	$(MAKE) soak-networks CHAOS=0 # the tests have had their seeds of it

generate: go-present ## rewrite generated docs and golden files
	$(GO) test ./sim/scenario ./runtime/node -run 'Generated|Golden|Tree' -update
	$(GO) test ./runtime/config -update
	$(GO) test ./sim/plan -update

clean: ## remove what was built
	rm -rf noisefs bin/experiments bin/soak

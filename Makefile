# specstar-worker. `make help` lists what there is.
GO      ?= go
PYTHON  ?= python3
SECONDS ?= 20

# One value for build, test and lint: each value compiles every dependency anew.
export CGO_ENABLED = 0

# The version printed by `worker version` comes from git; a tree without git builds too.
VCS   := $(shell git status --porcelain >/dev/null 2>&1 && echo true || echo false)
FLAGS := -trimpath

# What takes longest begins first, so that nothing is left to run alone at the end.
LONGEST := ./storage/preset ./internal/chaos ./cmd/worker ./internal/peertest ./consumer ./storage/postgres/...

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## build the worker and take the tour: queue, store, data set, three kinds of jobs
	@./bin/worker demo

.PHONY: build
build: ## build the static binary bin/worker
	@echo "building bin/worker (the first build compiles all dependencies: a minute or two)"
	@$(GO) build $(FLAGS) -buildvcs=$(VCS) -ldflags '-s -w' -o bin/worker ./cmd/worker

.PHONY: peer
peer: ## make the Python environment with the original, which the tests talk to
	@PYTHON="$(PYTHON)" ./scripts/peer-setup.sh

.PHONY: services
services: ## make sure that PostgreSQL is installed, which tests start a private server of
	@./scripts/services-setup.sh

.PHONY: services-long
services-long: services ## get what only test-long uses: a newer PostgreSQL and an S3 gateway (builds it: minutes)
	@GO="$(GO)" ./scripts/services-long.sh

.PHONY: test
test: peer services ## run all tests, the live ones with the Python original and a private PostgreSQL too
	@echo "testing (the first run compiles all dependencies: a few minutes)"
	@./scripts/in-memory.sh $(GO) test $(FLAGS) -p 4 -timeout 11m $(LONGEST) ./... # more than two processors take, since many tests wait for processes

.PHONY: test-long
test-long: peer services-long ## the same tests with many more random cases, kill points and seeds
	@SPECSTAR_TEST_LONG=1 $(GO) test $(FLAGS) -count=1 -timeout 90m ./...

.PHONY: check
check: ## vet, formatting (gofumpt) and staticcheck, with the tools pinned in tools/go.mod
	@$(GO) vet ./... && cd bench && $(GO) vet ./...
	@out=$$($(GO) tool -modfile=tools/go.mod gofumpt -l $$(git ls-files '*.go')); \
		if [ -n "$$out" ]; then echo "not gofumpt'ed (make fmt):"; echo "$$out"; exit 1; fi
	@$(GO) tool -modfile=tools/go.mod staticcheck ./...

.PHONY: fmt
fmt: ## format all Go files
	@$(GO) tool -modfile=tools/go.mod gofumpt -w $$(git ls-files '*.go')

.PHONY: race
race: peer services ## run the concurrent packages under the race detector (needs a C compiler)
	@CGO_ENABLED=1 $(GO) test $(FLAGS) -race -timeout 20m ./storage/memory/... ./manager/... ./jobs/... ./consumer/... ./internal/...

.PHONY: chaos
chaos: services ## kill, stop, cut and delete what workers stand on for SECONDS (default 20) and check what is left; report in bin/chaos
	@CHAOS_SECONDS=$(SECONDS) CHAOS_DIR=$(CURDIR)/bin/chaos $(GO) test $(FLAGS) -count=1 -v -timeout $$(($(SECONDS) + 900))s -run '^TestChaos$$' ./internal/chaos

.PHONY: fuzz
fuzz: ## run every fuzz target for SECONDS (default 20) each
	@set -e; for pkg in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for f in $$(grep -rhoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' $$pkg/*_test.go | sed 's/func //'); do \
			echo "== $$pkg $$f"; $(GO) test $(FLAGS) -run '^$$' -fuzz "^$$f$$" -fuzztime $(SECONDS)s $$pkg; \
		done; \
	done

.PHONY: bench
bench: peer services ## archive, load and dump against the Python original, dumps by one processor and all, refusals beside sha256sum, saves against bare inserts, loads by several workers against COPY, S3 against bare puts, the queue against River, searches and backfills against SQL by hand; ratios in one run
	@cd bench && $(GO) run $(FLAGS) ./cmd/spinebench && $(GO) run $(FLAGS) ./cmd/savebench && $(GO) run $(FLAGS) ./cmd/dumpbench && $(GO) run $(FLAGS) ./cmd/checkbench && $(GO) run $(FLAGS) ./cmd/copybench && $(GO) run $(FLAGS) ./cmd/loadbench && $(GO) run $(FLAGS) ./cmd/s3bench && $(GO) run $(FLAGS) ./cmd/queuebench && $(GO) run $(FLAGS) ./cmd/querybench && $(GO) run $(FLAGS) ./cmd/fillbench

.PHONY: bench-scale
bench-scale: services ## a load by 1, 2, 4 and 8 workers, measured by part; ARGS are flags of worker bench scale
	@cd bench && $(GO) run $(FLAGS) ./cmd/scalebench -- $(ARGS)

.PHONY: lint
lint: ## golangci-lint, pinned in tools/lint/go.mod (builds it first: minutes)
	@$(GO) tool -modfile=tools/lint/go.mod golangci-lint run ./...

.PHONY: clean
clean: ## remove what was built; data and caches stay
	@rm -rf bin

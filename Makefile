# Everything a developer runs. `make` alone does what the CI does.

GO       ?= go
BIN      := $(CURDIR)/.bin
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)

# Pinned so that a new release of a tool never breaks an old commit.
GOLANGCI    := v2.15.0
GOVULNCHECK := v1.8.0
BENCHSTAT   := v0.0.0-20260908200009-22c9c6c9d4da

# What the tests drive from outside: browsers, the languages that partners write in, and a name server.
PACKAGES := chromium firefox-esr php-cli php-curl python3 python3-requests python3-jwt nodejs npm curl gcc libc6-dev bind9
PROGRAMS := chromium firefox-esr php python3 node npm curl gcc named
# The system's own Python is the one that Debian's packages are for.
PYTHON   := $(firstword $(wildcard /usr/bin/python3) python3)
# npm's modules that partners use, at the versions in package-lock.json.
NPM      := web/testdata/npm

.PHONY: all build demo style check tools packages fmt fmt-check lint test test-race cover fuzz bench vuln hooks clean help

all: check build

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: build ## a throw-away help desk to click through
	./deskgate demo

style: ## the same, with the page /agent/style, which shows the design system
	$(GO) run -tags dev ./cmd/deskgate demo

build: ## one static binary: ./deskgate
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o deskgate ./cmd/deskgate

check: tools fmt-check lint test-race build ## what the CI runs

tools: $(BIN)/golangci-lint ## what check needs; Debian's packages are installed if they are missing
	@$(MAKE) -s packages
	@$(MAKE) -s $(NPM)/node_modules/.package-lock.json
	@$(GO) mod download "$$(cat auth/partner/testdata/wycheproof.txt)"

packages:
	@PATH="$$PATH:/usr/sbin"; for p in $(PROGRAMS); do command -v $$p >/dev/null || missing=1; done; \
	$(PYTHON) -c 'import requests, jwt' 2>/dev/null || missing=1; \
	php -m 2>/dev/null | grep -qx curl || missing=1; \
	test -z "$$missing" && exit 0; \
	command -v apt-get >/dev/null || { echo 'the tests need: $(PACKAGES) (names as in Debian)'; exit 1; }; \
	sudo=; test "$$(id -u)" = 0 || sudo=sudo; \
	$$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES)

$(NPM)/node_modules/.package-lock.json: $(NPM)/package.json $(NPM)/package-lock.json
	cd $(NPM) && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=5 --loglevel=error
	@touch $@

fmt: $(BIN)/golangci-lint ## format the code
	$(BIN)/golangci-lint fmt ./...

fmt-check: $(BIN)/golangci-lint
	@test -z "$$($(BIN)/golangci-lint fmt -d ./...)" || { echo 'run make fmt'; exit 1; }

lint: $(BIN)/golangci-lint ## no programs in the repository, go.mod, go fix, golangci-lint (go vet is in it)
	@! git ls-files -z | LC_ALL=C xargs -0 grep -laP '^\x7fELF' || { echo 'these are programs: git rm them'; exit 1; }
	$(GO) mod tidy -diff
	$(GO) fix -diff ./...
	$(BIN)/golangci-lint run ./...

test: ## quick
	$(GO) test ./...

test-race: ## slower; what counts
	$(GO) test -race -shuffle=on -count=1 -timeout 20m ./...

cover:
	$(GO) test -coverpkg=./... -coverprofile=cover.out ./...
	$(GO) tool cover -func=cover.out | tail -1

FUZZTIME ?= 30s
fuzz: ## every fuzz target in turn
	@$(GO) list ./... | while read -r p; do \
	  $(GO) test -list '^Fuzz' $$p | grep '^Fuzz' | while read -r f; do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
	  done || exit 1; done

bench: $(BIN)/benchstat ## compare with bench.old if it exists
	$(GO) test -run '^$$' -bench . -benchmem -count 10 ./... | tee bench.new
	$(BIN)/benchstat $$(ls bench.old 2>/dev/null) bench.new

vuln: $(BIN)/govulncheck
	$(BIN)/govulncheck ./...

hooks: ## run fmt-check, lint and the quick tests before each commit
	git config core.hooksPath deploy/githooks

$(BIN)/golangci-lint:
	GOBIN=$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)
$(BIN)/govulncheck:
	GOBIN=$(BIN) $(GO) install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK)
$(BIN)/benchstat:
	GOBIN=$(BIN) $(GO) install golang.org/x/perf/cmd/benchstat@$(BENCHSTAT)

clean:
	rm -rf deskgate cover.out bench.new

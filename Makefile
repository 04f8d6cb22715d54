# Strings native tools together; every line can be run by hand in the shell that `eval "$(make -s env)"` makes.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
ENV ?= dev
NODES ?= 1
PY := .venv/bin/python
IN := $(PY) -m infra.environment
SOURCES := infra exporters loadtests tests

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-16s %s\n", $$1, $$2}'

# ---- an environment

.PHONY: up
up: ## bring up everything: tools, images, cluster, environment ENV, first campaign
	@infra/node/bootstrap.sh --venv && $(PY) -m infra.up --stack $(ENV) --nodes $(NODES)

.PHONY: tools
tools: ## the virtual environment and the native tools (pulumi, kubectl, promtool, Kubernetes' binaries)
	@infra/node/bootstrap.sh

.PHONY: images
images: tools ## build what changed and push it; NAME=… for one
	@$(PY) -m infra.images $(NAME)

.PHONY: node
node: tools ## start the embedded Kubernetes; NODES=3 for three nodes
	@$(PY) -m infra.node up --nodes $(NODES)

.PHONY: node-down
node-down: ## stop the embedded Kubernetes and leave nothing running; its data stays
	@$(PY) -m infra.node down

.PHONY: wipe
wipe: ## stop the embedded Kubernetes and delete its data, Pulumi's state of it and its outputs
	@$(PY) -m infra.up --wipe

.PHONY: env
env: ## print the exports of the shell in which the native tools work: eval "$(make -s env)"
	@$(IN)

.PHONY: deploy
deploy: ## pulumi up of ENV on the cluster at hand, and its outputs for campaigns
	@$(PY) -m infra.up --stack $(ENV) --deploy-only

.PHONY: refresh
refresh: ## let Pulumi see what was changed beside it, for the next deploy to mend; ONLY='**StatefulSet::store': no more
	@$(IN) --stack $(ENV) pulumi refresh --yes --skip-preview --non-interactive --color=never --stack $(ENV) \
		$(and $(ONLY),--target '$(ONLY)')

.PHONY: destroy
destroy: ## pulumi destroy of ENV
	@$(IN) --stack $(ENV) pulumi destroy --yes --stack $(ENV)

.PHONY: status
status: ## how ENV fares, on one screen: alerts, probes, replicas, database, bucket, certificates, last campaign
	@$(PY) -m infra.status --stack $(ENV) $(MORE)

DO ?= list
START = --minutes "$${MINUTES:-60}" --comment "$${COMMENT:-}"

.PHONY: maintenance
maintenance: ## keep ENV's alerts quiet: DO=start MINUTES=60 COMMENT="why" (again: longer); DO=end; DO=list
	@$(PY) -m infra.maintenance --stack $(ENV) $(DO) $(if $(filter start,$(DO)),$(START))

# ---- load

PATH_OF = $$($(PY) -c 'from infra import paths; print(paths.$(1))')
OUTPUTS = $(call PATH_OF,outputs_file("$(ENV)"))

ON ?= local
WORKERS ?= 2
S3 = $(call PATH_OF,credentials_file())
# the S3 beneath is measured too where we have its key
BASELINE = $$(grep -qs adminEndpoint "$(OUTPUTS)" && test -f "$(S3)" && echo --s3-baseline "$(S3)")
FROM_local = $(IN) vnaops-campaign --outputs "$(OUTPUTS)" --report-dir build/campaigns $(BASELINE)
FROM_cluster = $(PY) -m infra.campaign --stack $(ENV) --workers $(WORKERS)

.PHONY: campaign
campaign: ## run campaign NAME (first) against ENV, report; ON=cluster WORKERS=2: from pods; MORE="--factor 2": options
	@$(or $(FROM_$(ON)),$(error ON=$(ON): local or cluster)) --campaign $(or $(NAME),first) $(MORE)

.PHONY: compare
compare: ## say by statistics whether campaign B differs from A; folders, or several: A="a1 a2 a3" B="b1 b2 b3"
	@$(IN) vnaops-campaign compare --a $(A) --b $(B) $(MORE)

PIXELS := pixels-s3 pixels-files
REPEATS ?= 3

# no $(MAKE) here: make -n would run the line, destroy and all
.PHONY: compare-pixel-data
compare-pixel-data: ## S3 against a file system: an environment of each, REPEATS campaigns by turns, the verdict (15 min)
	@rm -rf build/pixel-data
	@trap 'for env in $(PIXELS); do $(IN) --stack $$env pulumi destroy --yes --stack $$env; done' EXIT; \
	for env in $(PIXELS); do $(PY) -m infra.up --stack $$env --deploy-only; done; \
	for number in $$(seq $(REPEATS)); do for env in $(PIXELS); do \
	  $(IN) vnaops-campaign --campaign pixel-data --folder build/pixel-data/$$env-$$number \
	    --outputs "$$($(PY) -c "from infra import paths; print(paths.outputs_file('$$env'))")"; \
	done; done; \
	$(IN) vnaops-campaign compare --into build/pixel-data/compare \
	  --a build/pixel-data/pixels-s3-* --b build/pixel-data/pixels-files-* || test $$? = 1 # 1: B is worse in something

.PHONY: report-paths
report-paths: ## the last campaign's JSON and HTML, one path a line
	@$(IN) vnaops-campaign --report-dir build/campaigns --print-paths

.PHONY: bench-archive
bench-archive: ## the deployed archive beside raw S3 in one run; writes build/bench/archive.json
	@$(IN) python -m loadtests.bench.archive --outputs "$(OUTPUTS)" --s3-credentials "$(S3)"

.PHONY: bench-load
bench-load: ## the load generator beside dcmtk and pynetdicom in one run; writes build/bench/load.json
	@$(PY) -m loadtests.bench.load

.PHONY: bench-tap
bench-tap: ## the tap in front of the deployed archive and of a sink, beside the direct way; writes build/bench/tap.json
	@$(IN) --stack $(ENV) python -m loadtests.bench.tap --outputs "$(OUTPUTS)"

.PHONY: bench-prober
bench-prober: ## 1,000 targets every 15 s from one prober on one core, a tenth of them hung; writes build/bench/prober.json
	@$(PY) -m loadtests.bench.prober

.PHONY: fuzz-tap
fuzz-tap: ## a million mutated DICOM streams through the tap, byte for byte
	@$(PY) -m tests.integration.exporters.tap_fuzz 1000000

.PHONY: profiles
profiles: ## what each profile of the load generator sends: sizes, counts, transfer syntax, source; NAMES="ct mr": some
	@$(PY) -m loadtests.profiles $(NAMES)

.PHONY: bench-associations
bench-associations: ## 1,000 associations at a time from one process; writes build/bench/associations.json
	@$(PY) -m loadtests.bench.associations

.PHONY: bench-soak
bench-soak: ## an hour of load at half the knee: memory and drift; writes build/bench/soak.json
	@$(PY) -m loadtests.bench.soak

.PHONY: dashboards
dashboards: ## write Grafana's dashboards and the page's views anew from infra/dashboards
	@$(PY) -m infra.dashboards

# ---- checks

.PHONY: test
test: tools ## lint, types, unit, integration and end-to-end tests (what .ci/run calls)
	@$(MAKE) --no-print-directory lint unit integration e2e

.PHONY: lint
lint: ## ruff and mypy
	@$(PY) -m ruff check $(SOURCES) && $(PY) -m ruff format --check $(SOURCES) && $(PY) -m mypy

.PHONY: unit
unit: ## unit tests
	@$(IN) pytest -q tests/unit

.PHONY: integration
integration: ## rule tests with promtool, integration tests against real peers in processes
	@$(IN) pytest -q tests/rules tests/integration

.PHONY: e2e
e2e: ## end-to-end tests on the embedded node (brought up for it and taken down again if it was down)
	@$(IN) pytest -q tests/e2e

.PHONY: format
format: ## ruff's fixes and format
	@$(PY) -m ruff check --fix $(SOURCES) && $(PY) -m ruff format $(SOURCES)

.PHONY: rules
rules: ## have sloth make the rules of the stacks' objectives (infra/rules/generated, committed)
	@$(PY) -m infra.node.tools --no-packages sloth && $(IN) python -m infra.rules.generate

UV := $(PY) -m uv pip compile -q pyproject.toml --generate-hashes --no-emit-index-url --no-header
FOR_IMAGES := infra/images/python-libraries/pip.in -c requirements.lock --python-version 3.13

.PHONY: lock
lock: ## resolve the dependencies anew into the lock files (hashes, no addresses)
	@$(UV) --upgrade --all-extras --group dev --python-version 3.11 -o requirements.lock
	@$(UV) $(FOR_IMAGES) --extra exporters -o infra/images/python-libraries/requirements.lock
	@$(UV) $(FOR_IMAGES) --extra loadtests -o infra/images/loadtests-libraries/requirements.lock

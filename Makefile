# The commands people use. `make` alone lists them.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
STAMP := .venv/.installed
DEV_STAMP := .venv/.installed-dev
SPEECH_STAMP := .venv/.installed-speech
PIPER_STAMP := var/piper-venv/.installed
BENCH_STAMP := var/bench-venv/.installed
# Test files side by side: as the processor has cores, and more of those that mostly wait for a call to go on.
JOBS ?= 2
CALLS ?= 3

.PHONY: help demo test run pbx bench check system system-test venv venv-dev venv-speech piper migrate clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: system venv $(if $(findstring whisper,$(STT_ENGINE)),venv-speech) ## set up everything, place a real SIP call and print the incident; LIVE=1: with the live door
	@$(MANAGE) demo $(if $(LIVE),--live) $(if $(DEMO_LANGUAGE),--language $(DEMO_LANGUAGE))

test: system-test venv-dev venv-speech piper check ## set up everything and run the whole suite
	@failed=0; \
	echo "== Unit tests and the browser's, $(JOBS) at a time"; \
	$(BIN)/pytest -n $(JOBS) --dist loadfile -m "not live and not alone" || failed=1; \
	echo "== Calls, $(CALLS) tests at a time"; \
	$(BIN)/pytest -n $(CALLS) --dist loadfile -m "live and not alone" || failed=1; \
	echo "== What compares times, one by one"; \
	$(BIN)/pytest -m alone || failed=1; \
	exit $$failed

run: venv migrate ## the services in the foreground: AGI door, office, Celery worker where a broker is set
	@WEB_BIND=$${WEB_BIND:-127.0.0.1:8000} $(BIN)/supervisord -n -c deploy/sandbox/supervisord.conf

pbx: system ## the sandbox PBX alone, in the foreground
	@$(PYTHON) deploy/sandbox/pbx.py

bench: system-test venv-dev venv-speech piper $(BENCH_STAMP) ## the benchmarks; writes a dated file under docs/results/
	@$(BIN)/python -m tests.benchmarks

check: venv-dev ## linters, types, import contracts, migrations
	@$(BIN)/ruff check -q . && $(BIN)/ruff format -q --check .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports >/dev/null || $(BIN)/lint-imports
	@ENV_FILE=/dev/null $(MANAGE) makemigrations --check --dry-run >/dev/null

system: ## system packages and Asterisk; this step needs root
	@deploy/sandbox/install.sh demo

system-test: ## the same for the tests: PostgreSQL, Redis, Chromium, sipp too; needs root
	@deploy/sandbox/install.sh test

venv: $(STAMP)

venv-dev: $(DEV_STAMP)

venv-speech: $(SPEECH_STAMP) ## Whisper and other large speech engines, into .venv

piper: $(PIPER_STAMP) ## Piper's voices as a program of its own: PIPER_PROGRAM=var/piper-venv/bin/piper

migrate: venv
	@$(MANAGE) migrate -v 0

$(STAMP): requirements.txt
	@echo "== Installing Python packages into .venv"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/pip install -q --disable-pip-version-check -r requirements.txt
	@touch $@

$(DEV_STAMP): requirements-dev.txt $(STAMP)
	@echo "== Installing test tools into .venv"
	@$(BIN)/pip install -q --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(SPEECH_STAMP): requirements-speech.txt deploy/speech/install.sh $(STAMP)
	@echo "== Installing speech engines into .venv"
	@deploy/speech/install.sh .venv
	@touch $@

$(PIPER_STAMP): requirements-piper.txt
	@echo "== Installing Piper into var/piper-venv"
	@test -x var/piper-venv/bin/python || $(PYTHON) -m venv var/piper-venv
	@var/piper-venv/bin/pip install -q --disable-pip-version-check -r requirements-piper.txt
	@touch $@

$(BENCH_STAMP): requirements-bench.txt
	@echo "== Installing what the live door is compared with into var/bench-venv"
	@test -x var/bench-venv/bin/python || $(PYTHON) -m venv var/bench-venv
	@var/bench-venv/bin/pip install -q --disable-pip-version-check -r requirements-bench.txt
	@touch $@

clean: ## remove what was made at run time; keeps .venv
	rm -rf var

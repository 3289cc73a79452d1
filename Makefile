# Every target sets up what it needs: a machine with python3, make and the package index is enough.

PYTHON ?= python3
python := .venv/bin/python
installed := .venv/installed

.PHONY: install demo run test test-quick soak lint image bench trace docs texts screenshots

install: $(installed)

$(installed): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
		|| { echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo 'Installing into .venv …'
	@$(PYTHON) -m venv .venv
	@$(python) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

demo: $(installed)
	@$(python) -m bot demo

# Again after 1 (something broke) and 4 (updates stopped coming), as a service manager would do it.
# What a person has to mend stays ended: 2 (settings), 3 (the data is in use); so does a stop.
run: $(installed)
	@while true; do \
		$(python) -m bot run; code=$$?; \
		case $$code in 1|4) echo "Starting again in 5 seconds …" >&2; sleep 5;; *) exit $$code;; esac; \
	done

# Six at a time also on two cores: much of a test is waiting for time-outs that must be seen to end.
# Some hundred tests start a process: what each would compile anew is kept, whatever is set outside.
tests := PYTHONDONTWRITEBYTECODE= $(python) -m pytest -n 6 --dist worksteal

test: $(installed)
	@$(tests)

test-quick: $(installed)
	@$(tests) -m 'not slow'

soak: $(installed)
	@$(python) -m pytest -m soak
	@$(python) -m pytest tests/reliability/test_fuzz.py --hypothesis-profile=random

lint: $(installed)
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy
	.venv/bin/lint-imports
	.venv/bin/hadolint Dockerfile
	$(python) -m tests.audit

# The container's image, built without a Docker engine (Debian's buildah and mmdebstrap, as root), and tried.
image: $(installed)
	@deploy/build-image
	@$(python) -m tests.image

bench: $(installed)
	@$(python) -m tests.bench
	@$(python) -m tests.bench.history
	@$(python) -m tests.bench.load
	@$(python) -m tests.bench.polling

trace: $(installed)
	@$(python) -m tests.trace

docs: $(installed)
	$(python) -m tests.documents

# The template that translations are made from.
texts: $(installed)
	@.venv/bin/pybabel -q extract --keywords=N_ --omit-header --no-location --no-wrap --sort-output \
		--output-file=handlers/replies/texts.pot handlers bot

screenshots: $(installed)
	@SCREENSHOTS=docs $(python) -m pytest tests/demo/test_screenshots.py

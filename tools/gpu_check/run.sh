#!/bin/sh
# Starts a program of the kit with the kit's own Python: ./run tegula-worker bench
home=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
export PATH="$home/python/bin:${PATH:-/usr/bin:/bin}"
export LD_LIBRARY_PATH="$home/python/lib/system${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export PYTHONPATH="$home/tegula:$home/tegula/bench"
if [ $# -eq 0 ]; then
    echo "usage: $0 PROGRAM ARGUMENTS, e.g. $0 python -m tools.gpu_check.check --out results" >&2
    exit 2
fi
exec "$@"

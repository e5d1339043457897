#!/bin/sh
# Puts the GPU kit together: sh unpack.sh [FOLDER]. Takes sh, tar, gzip and sha256sum; the rest comes along.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
target=${1:-tegula-gpu}
partial=$target.partial

fail() {
    echo "unpack.sh: $1" >&2
    exit 1
}

[ -f "$here/MANIFEST" ] || fail "MANIFEST is missing beside unpack.sh: send it again"
[ -s "$here/MANIFEST" ] || fail "MANIFEST is empty: send it again"
[ ! -e "$target" ] || fail "$target is there already: name another folder, or remove it"
[ "$(uname -sm)" = "Linux x86_64" ] || fail "the kit is for Linux on x86_64; this is $(uname -sm)"

bad=0
while read -r digest part; do
    if [ ! -f "$here/$part" ]; then
        echo "$part is missing: send it again" >&2
        bad=$((bad + 1))
    elif [ "$(sha256sum <"$here/$part")" != "$digest  -" ]; then
        echo "$part is damaged: send it again" >&2
        bad=$((bad + 1))
    fi
done <"$here/MANIFEST"
[ "$bad" -eq 0 ] || fail "$bad of $(grep -c . "$here/MANIFEST") parts are not as they were packed; nothing was unpacked"

# Parts are joined in the manifest's order, never by what else lies in the folder.
joined() {
    while read -r _ part; do
        case $part in "$1".*) cat "$here/$part" ;; esac
    done <"$here/MANIFEST"
}

rm -rf "$partial"
mkdir -p "$partial"
joined base.tar.gz | gzip -dc | tar -xf - -C "$partial" ||
    fail "base.tar.gz was not unpacked: look whether the disk is full (the kit takes 1.2 GB)"
"$partial/run" python -c 'import zstandard' ||
    fail "the kit's Python does not start here; it was made for a newer C library than this system's, if it says GLIBC"
joined rest.tar.zst | "$partial/run" python -c '
import sys, zstandard
zstandard.ZstdDecompressor().copy_stream(sys.stdin.buffer, sys.stdout.buffer)
' | tar -xf - -C "$partial" || fail "rest.tar.zst was not unpacked: look whether the disk is full (the kit takes 1.2 GB)"
[ -f "$partial/complete" ] || fail "rest.tar.zst ended early: look whether the disk is full (the kit takes 1.2 GB)"
mv "$partial" "$target"
echo "$target is ready: $target/run python -m tools.gpu_check.check --out results"

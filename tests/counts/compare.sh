#!/bin/sh
# Our readers against count.py, value by value: compare.sh [--planted] FOLDER…  EXPLAINED.md says more about the reasons that it prints.
set -eu
planted=''
if [ "${1:-}" = --planted ]; then planted=$1; shift; fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cargo run --quiet --no-default-features --example count_kinds -- --all "$@" > "$folder/ours.json"
python3 -B "$(dirname "$0")/explain.py" $planted "$folder/ours.json" "$@"

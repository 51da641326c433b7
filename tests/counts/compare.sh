#!/bin/sh
# Our readers against count.py: compare.sh FOLDER…  Prints what differs; EXPLAINED.md has the reason for each.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cargo run --quiet --no-default-features --example count_kinds -- "$@" > "$folder/ours.json"
python3 "$(dirname "$0")/count.py" "$@" --against "$folder/ours.json"

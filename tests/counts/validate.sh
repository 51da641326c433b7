#!/bin/sh
# Holds an export of everything that we read against the OASIS validator: validate.sh DATA_FOLDER…
# Needs `stix2_validator` (PyPI: stix2-validator 3.2.0; the wheel of 3.3.1 has no schemas) on the PATH or in $STIX2_VALIDATOR.
# The files make two exports, which are validated side by side: the validator takes minutes and uses one core.
set -eu
validator=${STIX2_VALIDATOR:-stix2_validator}
if ! command -v "$validator" >/dev/null; then echo "skipped: no stix2_validator (pip install stix2-validator==3.2.0)"; exit 0; fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

find "$@" -type f \( -name '*.stix2' -o -name '*.json' \) -not -path '*/json-suite/*' | sort > "$folder/files"
cargo build --quiet --no-default-features --example to_stix
validate() {
  awk -v half="$1" 'NR % 2 == half' "$folder/files" | xargs cargo run --quiet --no-default-features --example to_stix -- > "$folder/$1.json"
  "$validator" --version 2.1 "$folder/$1.json" > "$folder/$1.verdict" || { grep -F '[X]' "$folder/$1.verdict" | head -20; return 1; }
}
validate 0 &
other=$!
status=0
validate 1 || status=1
wait "$other" || status=1
[ "$status" -eq 0 ] || exit 1
echo "valid: $(cat "$folder/0.json" "$folder/1.json" | wc -l) objects; warnings: $(grep -ohE '\{[0-9]+\}' "$folder/0.verdict" "$folder/1.verdict" | sort | uniq -c | tr '\n' ' ')"

#!/bin/sh
# Holds an export of everything that we read against the OASIS validator: validate.sh DATA_FOLDER…
# Needs `stix2_validator` (PyPI: stix2-validator 3.2.0; the wheel of 3.3.1 has no schemas) on the PATH or in $STIX2_VALIDATOR.
set -eu
validator=${STIX2_VALIDATOR:-stix2_validator}
if ! command -v "$validator" >/dev/null; then echo "skipped: no stix2_validator (pip install stix2-validator==3.2.0)"; exit 0; fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
find "$@" -type f \( -name '*.stix2' -o -name '*.json' \) -not -path '*/json-suite/*' | sort |
  xargs cargo run --quiet --no-default-features --example to_stix -- > "$folder/export.json"
"$validator" --version 2.1 "$folder/export.json" > "$folder/verdict" || { grep -F '[X]' "$folder/verdict" | head -20; exit 1; }
echo "valid: $(wc -l < "$folder/export.json") objects; warnings: $(grep -oE '\{[0-9]+\}' "$folder/verdict" | sort | uniq -c | tr '\n' ' ')"

#!/usr/bin/env python3
"""Holds count.py against three extractors that others wrote: panel.py [--planted] IOC_EXTRACT.py FOLDER...

Runs in an environment that has ioc-finder, iocextract and iocsearcher (PyPI), which IOC_EXTRACT.py of the shared oracles calls. They read text
without knowing formats, so only kinds that have one form in any text are compared: addresses and hashes. A value that two of the three find
and count.py does not, or the other way round, must meet a reason; else it ends with 1. With --planted a hash is made up, and must be found. Large files are left out: the three are slow.
"""
import contextlib
import io
import ipaddress
import json
import re
import runpy
import sys
from pathlib import Path

import count

BYTES_MAX = 40_000
KINDS = ("ipv4", "md5", "sha1", "sha256")


def panel(script, path):
    sys.argv = [script, str(path)]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        runpy.run_path(script, run_name="__main__")
    found = json.loads(out.getvalue())
    return {kind: {value.lower(): tools for value, tools in found.get(kind, {}).items()} for kind in KINDS}


def comments(text):
    return "\n".join(line for line in text.splitlines() if line.lstrip().startswith("#"))


# Punctuation that is no border of a cell.
IN_SENTENCE = r"[^\s\w,;|\"']"
# What two of them find and count.py does not.
THEIRS = [
    ("in a comment, which count.py skips", lambda kind, value, text: value in comments(text)),
    ("part of a URL, a path or a longer word", lambda kind, value, text: re.search(r"[\w/.@=:-]" + re.escape(value) + r"|" + re.escape(value) + r"[\w/.@=:?-]", text) is not None),
    ("within punctuation of a sentence or a pattern", lambda kind, value, text: re.search(IN_SENTENCE + re.escape(value) + r"|" + re.escape(value) + IN_SENTENCE, text) is not None),
]
# What count.py finds and no two of them do.
OURS = [
    ("found by one of them alone", lambda kind, value, text, refang, found: value in found[kind]),
    ("defanged in a way that they do not read", lambda kind, value, text, refang, found: value not in text and value in refang),
    ("an address that they leave out for what it is: private, or of documentation",
        lambda kind, value, text, refang, found: kind == "ipv4" and value in text and not ipaddress.ip_address(value).is_global),
]


def refanged(path):
    text = path.read_text(encoding="utf-8", errors="replace").lower()
    return text, re.sub(r"\s*[\[({]\s*(?:\.|dot|:)\s*[\])}]\s*|\\\.", lambda m: ":" if ":" in m[0] else ".", text)


def main():
    planted = "--planted" in sys.argv
    script, *folders = [argument for argument in sys.argv[1:] if argument != "--planted"]
    bad = same = files = 0
    taken = []
    for name in count.files(folders):
        path = Path(name)
        if path.suffix not in (".txt", ".csv", ".tsv") or path.stat().st_size > BYTES_MAX:
            continue
        files += 1
        found, mine = panel(script, path), count.count(name)
        text, refang = refanged(path)
        if planted and files == 1:
            mine["sha1"]["made up"] = []
        if planted and not taken:
            # One that all see: the first hash that two of them find as well.
            both = [(kind, value) for kind in KINDS if kind.startswith(("md5", "sha")) for value in sorted(mine.get(kind, {}))
                if len(found[kind].get(value, ())) > 1]
            taken = both[:1]
            for kind, value in taken:
                del mine[kind][value]
        for kind in KINDS:
            here = set(mine.get(kind, {}))
            there = {value for value, tools in found[kind].items() if len(tools) > 1}
            same += here == there
            reasons = {}
            for value in there - here:
                why = next((why for why, holds in THEIRS if holds(kind, value, refang)), "NO REASON")
                reasons.setdefault(("only they", why), []).append(value)
            for value in here - there:
                why = next((why for why, holds in OURS if holds(kind, value, text, refang, found)), "NO REASON")
                reasons.setdefault(("only count.py", why), []).append(value)
            for (side, why), values in sorted(reasons.items()):
                bad += len(values) if why == "NO REASON" else 0
                print(f"{name}: {kind}: {side} {len(values)}: {why}" + (": " + ", ".join(sorted(values)) if len(values) <= 3 else ""))
    print(f"{files} files, {files * len(KINDS)} counts, {same} the same value by value, {bad} values without a reason", file=sys.stderr)
    return int(bad != 2) if planted else int(bad > 0)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())

#!/usr/bin/env python3
"""Holds count.py against three extractors that others wrote: panel.py [--planted] IOC_EXTRACT.py FOLDER...

Runs in an environment that has ioc-finder, iocextract and iocsearcher (PyPI), which IOC_EXTRACT.py of the shared oracles calls. They read text
without knowing formats, so they are given the patterns of STIX and the values of MISP as text. A value that two of the three find and count.py
does not, or the other way round, must meet a reason; else it ends with 1. With --planted a hash is made up and another left out, and both must
be found. Files with more text than BYTES_MAX are left out: the three are slow.
"""
import contextlib
import functools
import io
import ipaddress
import json
import re
import runpy
import sys
import tempfile
from pathlib import Path

import count
import explain

BYTES_MAX = 200_000
KINDS = ("ipv4", "md5", "sha1", "sha256", "domain", "url")


def text_of(path):
    """What an extractor may read of a file: a table or a list as it is, of STIX the patterns of indicators, of MISP the values of attributes."""
    if path.suffix in (".txt", ".csv", ".tsv"):
        return path.read_text(encoding="utf-8-sig", errors="replace")
    data = json.loads(path.read_text(encoding="utf-8-sig"))
    if isinstance(data, dict) and "objects" in data:
        return "\n".join(str(item["pattern"]) for item in data["objects"] if item.get("type") == "indicator" and "pattern" in item)
    return "\n".join(str(attribute.get("value")) for event in count.events(data) for attribute, _ in count.attributes(event))


# Of MISP, what says something about an observable, and is none.
ABOUT = set("attachment authentihash comment imphash link other text whois-registrar".split())


def about(path):
    """The values of a MISP file's attributes that are no observables, and of the others."""
    if path.suffix != ".json":
        return "", ""
    data = json.loads(path.read_text(encoding="utf-8-sig"))
    if isinstance(data, dict) and "objects" in data:
        return "", ""
    rows = [attribute for event in count.events(data) for attribute, _ in count.attributes(event)]
    return tuple("\n".join(str(row.get("value")) for row in rows if (row.get("type") in ABOUT) == side).lower() for side in (True, False))


def same_form(kind, value):
    """Tools differ in what they do to a URL's case and end."""
    try:
        return count.network_name(kind, value)[1] if kind == "url" else value.lower().rstrip(".")
    except ValueError:
        return value


def panel(script, text):
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8", errors="replace") as file:
        file.write(text)
        file.flush()
        sys.argv = [script, file.name]
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            runpy.run_path(script, run_name="__main__")
    found = {kind: {} for kind in KINDS}
    for kind, values in json.loads(out.getvalue()).items():
        for value, tools in values.items() if kind in KINDS else ():
            found[kind].setdefault(same_form(kind, value), set()).update(tools)
    return found


def comments(text):
    return "\n".join(line for line in text.splitlines() if line.lstrip().startswith("#"))


class Case:
    """A value that one side alone has: as the file has it, and without its brackets, and what both sides have of the file."""

    def __init__(self, path, kind, value, text, refang, mine, found):
        self.path, self.kind, self.value, self.text, self.refang, self.mine, self.found = path, kind, value, text, refang, mine, found

    def is_cut_from(self, borders):
        """Whether it is one of ours and what stands behind a border."""
        first = re.split(borders, self.value)[0]
        return first != self.value and count.network_name("url", first) in self.ours()

    def ours(self):
        return {(kind, value) for kind, values in self.mine.items() for value in values}

    def is_only_about(self):
        about_it, others = about(self.path)
        value = self.value.rstrip("/").lower()
        return value in about_it and value not in others

    def is_of_another_kind(self):
        return any(value.lower() == self.value for kind, value in self.ours() if kind != self.kind)

    def begins_or_ends_one_of(self, urls):
        """The same URL, cut elsewhere: a tool stops at a comma or a blank, or reads on over the end of a cell."""
        here = self.value.rstrip("/")
        cut = lambda long, short: long.startswith(short) and not long[len(short):][:1].isalnum()
        return self.kind == "url" and any(other != self.value and (cut(other, here) or cut(here, other.rstrip("/"))) for other in urls)

    def is_within(self, before, behind):
        value = re.escape(self.value.lower())
        return re.search(before + value + "|" + value + behind, self.refang) is not None


# Punctuation that is no border of a cell.
IN_SENTENCE = r"[^\s\w,;|\"']"
# What two of them find and count.py does not.
THEIRS = [
    ("in a comment, which count.py skips", lambda c: c.value.rstrip("/").lower() in comments(c.refang)),
    ("one cell or value and the next as one", lambda c: c.kind == "url" and c.is_cut_from(r"[,;|\"']")),
    ("in a MISP attribute that says something about an observable: a link, a text, an imphash", Case.is_only_about),
    ("in a pattern that is kept whole", lambda c: any(c.value in pattern.lower() for pattern in c.mine.get("pattern", {}))),
    ("the name of a file, a process or a package", lambda c: c.kind == "domain" and c.is_of_another_kind()),
    ("a URL of count.py, cut elsewhere", lambda c: c.begins_or_ends_one_of(c.mine.get("url", {}))),
    ("an address and a port, without http", lambda c: c.kind == "url" and c.value not in c.refang and c.value.rstrip("/") not in c.refang
        and c.value.removeprefix("http://").rstrip("/") in c.refang),
    ("part of a URL, a path or a longer word", lambda c: c.is_within(r"[\w/.@=:-]", r"[\w/.@=:?-]")),
    ("within punctuation of a sentence or a pattern", lambda c: c.is_within(IN_SENTENCE, IN_SENTENCE)),
]
# What count.py finds and no two of them do.
OURS = [
    ("found by one of them alone", lambda c: c.value in c.found[c.kind]),
    ("defanged in a way that they do not read", lambda c: c.value not in c.text and c.value in c.refang),
    ("an address that they leave out for what it is: private, or of documentation",
        lambda c: c.kind == "ipv4" and c.value in c.text and not ipaddress.ip_address(c.value).is_global),
    ("the name of a file, which has the form of a domain", lambda c: c.kind == "domain" and explain.names_a_file(c.value)),
    ("a scheme that they do not look for", lambda c: c.kind == "url" and not c.value.startswith(("http", "ftp"))),
    ("a URL of theirs, cut elsewhere", lambda c: c.begins_or_ends_one_of(c.found["url"])),
    ("with letters that they do not look for", lambda c: c.kind == "domain" and not c.text.isascii() and unicode(c.value) != c.value and unicode(c.value) in c.text),
    ("its last label is in no list of top-level domains", lambda c: c.kind == "domain" and c.value.rsplit(".", 1)[-1] not in tlds()),
]


def unicode(name):
    try:
        return name.encode("ascii").decode("idna")
    except UnicodeError:
        return name


@functools.cache
def tlds():
    """ioc-finder's own."""
    from ioc_finder import data
    return set(data.tlds)


def refanged(text):
    text = text.lower()
    return text, re.sub(r"\s*[\[({]\s*(?:\.|dot|:)\s*[\])}]\s*|\\\.", lambda m: ":" if ":" in m[0] else ".", text).replace("hxxp", "http")


def main():
    planted = "--planted" in sys.argv
    script, *folders = [argument for argument in sys.argv[1:] if argument != "--planted"]
    bad = same = files = left_out = 0
    taken = []
    for name in count.files(folders):
        path = Path(name)
        try:
            text, mine = text_of(path), count.count(name)
        except (ValueError, RecursionError, AttributeError, TypeError):
            continue
        if not text or len(text) > BYTES_MAX:
            left_out += bool(text)
            continue
        files += 1
        found = panel(script, text)
        text, refang = refanged(text)
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
                why = next((why for why, holds in THEIRS if holds(Case(path, kind, value, text, refang, mine, found))), "NO REASON")
                reasons.setdefault(("only they", why), []).append(value)
            for value in here - there:
                why = next((why for why, holds in OURS if holds(Case(path, kind, value, text, refang, mine, found))), "NO REASON")
                reasons.setdefault(("only count.py", why), []).append(value)
            for (side, why), values in sorted(reasons.items()):
                bad += len(values) if why == "NO REASON" else 0
                print(f"{name}: {kind}: {side} {len(values)}: {why}" + (": " + ", ".join(sorted(values)) if len(values) <= 3 else ""))
    print(f"{files} files, {left_out} left out, {files * len(KINDS)} counts, {same} the same value by value, {bad} values without a reason", file=sys.stderr)
    return int(bad != 2) if planted else int(bad > 0)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())

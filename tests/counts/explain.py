#!/usr/bin/env python3
"""Says why our readers and count.py differ, value by value: explain.py [--planted] OURS.json FOLDER...

OURS.json is what `count_kinds --all` prints of the same folders. Each value that one side has and the other has not must meet one of the
reasons below; the first one counts. Prints a line for each file, kind, side and reason, with the values where they are few, and ends with 1
when a value meets none. With --planted two differences are made up, and it ends with 0 only if just these meet none. EXPLAINED.md says
more about the reasons.
"""
import json
import re
import sys
from collections import defaultdict

import count

EXTENSIONS = set("bin dll dmg doc docx dylib exe gif gz hello jpg js pdf plist png ps1 tmp txt vbs xls xlsm zip".split())
SHOWN = 3


def names_a_file(value):
    """Has the form of a domain, and ends as files do: `rundll32.exe`, and `Logistics.pdf.com`, where `com` alone would say nothing."""
    labels = value.lower().split(".")
    return labels[-1] in EXTENSIONS or (labels[-1] == "com" and len(labels) > 2 and labels[-2] in EXTENSIONS)


class Difference:
    """A value that one side alone has."""

    def __init__(self, path, kind, value, where, mine, told, theirs=None):
        self.path, self.kind, self.value, self.where = path, kind, value, where
        self.mine = mine  # what we have of the file, by kind
        self.theirs = theirs or {}  # what count.py has of it, by kind
        self.told = told  # what we report of the file: [place, reason]

    def all(self, text):
        return bool(self.where) and all(text in where for where in self.where)

    def all_in_column(self, *names):
        return bool(self.where) and all(any(f"column='{name}'" in where for name in names) for where in self.where)

    def lines(self):
        return [re.search(r"line=(\d+)", where)[1] for where in self.where if "line=" in where]

    def cells(self):
        return [where.partition(" cell=")[2][1:-1] for where in self.where if " cell=" in where]

    def we_have(self, kind, value=None):
        wanted = (self.value if value is None else value).lower()
        return any(wanted == other.lower() for other in self.mine.get(kind, []))

    def told_of_all_lines(self):
        places = {match[1] for place, _ in self.told for match in re.finditer(r"line (\d+)\b", place)}
        return bool(self.lines()) and all(line in places for line in self.lines())

    def told_of_all(self):
        """Every row, object or attribute that has it is among what the import reports."""
        places = [place for place, _ in self.told]
        objects = [re.search(r"objects\[\d+\]|(?<=uuid=)[0-9a-f-]{36}", where) for where in self.where]
        return self.told_of_all_lines() or bool(objects) and all(at and any(at[0] in place.split() for place in places) for at in objects)

    def refanged(self):
        """What it is when it stands alone, or as a URL without its scheme."""
        value = self.value.strip("[]")
        return {pair for pair in (count.plain(value), count.plain("http://" + value)) if pair}

    def host(self):
        return re.sub(r"^\w+://", "", self.value).split("/")[0]


# What count.py has and we have not.
THEIRS = [
    ("context: `to_ids` is false in an event that uses the flag", lambda d: d.all("to_ids=False used=True")),
    ("a recipient of e-mail who is not marked as an indicator", lambda d: d.kind == "email" and d.all("type=email-dst") and not d.all("to_ids=True")),
    ("a domain without a dot", lambda d: d.kind == "domain" and "." not in d.value),
    ("a host longer than 253 bytes: several glued together", lambda d: d.kind in ("domain", "url") and len(d.host()) > 253),
    ("a registry key without its hive: kept as a pattern", lambda d: d.kind == "registry_key" and not d.value.upper().startswith("HK")
        and any(d.value.lower() in other.lower().replace("\\\\", "\\") for other in d.mine.get("pattern", []))),
    ("a link to the row's evidence", lambda d: d.kind == "url" and (d.all_in_column("link") or re.match(r"https://(x|twitter)\.com/[^/]+/status/", d.value))),
    ("punctuation of the source at its end, or cut at it", lambda d: d.kind == "url" and any(other.startswith(d.value.rstrip("\"',%2")) for other in d.mine.get("url", []))),
    ("the fingerprint of a server's public key", lambda d: d.kind == "md5" and d.all_in_column("pubkey_md5")),
    ("a name among paths and borrowed names of a beacon's settings, whose cell is reported or holds a fronted name",
        lambda d: d.all_in_column("domains", "host_header")),
    ("a certificate's hash by its column", lambda d: d.we_have("app_cert_hash") and d.all_in_column("certificate")),
    ("a package by its column or list", lambda d: d.we_have("app_id")),
    ("in a column of notes or sources", lambda d: d.all_in_column("notes", "description", "sources", "comment")),
    ("in a pattern beside the name that is taken: another hash of that file", lambda d: d.all_in_column("pattern")),
    ("the name of a file, which has the form of a domain", lambda d: d.kind == "domain" and names_a_file(d.value)),
    ("headers of a legitimate e-mail", lambda d: "legitimate-email" in d.path),
    ("within a sentence or a list of legitimate names, and not defanged", lambda d: d.path.endswith(".txt") and d.kind in ("domain", "url", "ipv4", "email")
        and all(len(cell.strip(" -")) > len(d.value.rstrip("/")) or d.value in ("support.apple.com", "support.microsoft.com") for cell in d.cells())),
    ("its row, object or attribute is reported", Difference.told_of_all),
    ("defanged, or of another kind than it says: taken as what it is", lambda d: any(d.we_have(kind, value) for kind, value in d.refanged())),
]

# What we have and count.py has not.
OURS = [
    ("a file or a path: count.py looks for none in tables and lists", lambda d: d.kind in ("file_path", "file_name") and "/misp" not in d.path),
    ("a package by its column or list", lambda d: d.kind == "app_id" and d.value.count(".") >= 1),
    ("a certificate's hash by its column", lambda d: d.kind == "app_cert_hash"),
    ("a registry key without its hive: kept as a pattern", lambda d: d.kind == "pattern" and "windows-registry-key:key" in d.value),
    ("a URL without a scheme, or with blanks or a port in it", lambda d: d.kind == "url" and bare(d)),
    ("punctuation of the source left off", lambda d: d.kind == "url" and any(other.rstrip("\"',%2").startswith(d.value) or d.value.startswith(other) for other in d.mine.get("theirs", []))),
    ("defanged, or of another kind than it says: taken as what it is", lambda d: any((d.kind, d.value) in Difference(d.path, kind, other, [], {}, []).refanged()
        for kind, values in d.theirs.items() for other in values)),
]


def bare(d):
    """Whether the file has the URL without its scheme, or with what we write in another way."""
    with open(d.path, encoding="utf-8", errors="replace") as file:
        text = re.sub(r"\[\.\]|\[:\]|\\\.", lambda m: m[0].strip("[]\\"), file.read()).replace("hxxp", "http")
    rest = re.sub(r"^\w+://", "", d.value).rstrip("/")
    rest = rest.replace("%20", " ").replace("%3C", "<").replace("%3E", ">")
    at = text.lower().find(rest.lower())
    return at >= 0 and not (text[:at].endswith("://") and " " not in rest)


def shown(value):
    value = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value)
    return value if len(value) <= 80 else value[:77] + "..."


def explain(difference, reasons):
    return next((name for name, holds in reasons if holds(difference)), None)


def plant(ours):
    """A value lost and a value made up, in the file with the most domains: both must be found without a reason."""
    path = max(ours, key=lambda path: len(ours[path]["values"].get("domain", [])))
    ours[path]["values"]["domain"][0] = "made.up.by-the-control.org"


def main():
    planted = "--planted" in sys.argv
    if planted:
        sys.argv.remove("--planted")
    with open(sys.argv[1], encoding="utf-8") as file:
        ours = json.load(file)
    if planted:
        plant(ours)
    unexplained, found = 0, defaultdict(list)
    equal = pairs = 0
    for path, kinds in count.everything(sys.argv[2:]).items():
        mine = ours.get(path, {}).get("values", {})
        for kind in sorted(set(kinds) | set(mine)):
            here, there = set(mine.get(kind, [])), set(kinds.get(kind, {}))
            pairs += 1
            equal += here == there
            told = ours.get(path, {}).get("told", [])
            sides = [("only count.py", there - here, THEIRS), ("only we", here - there, OURS)]
            for side, values, reasons in sides:
                for value in sorted(values):
                    about = {**mine, "theirs": there - here} if side == "only we" else mine
                    reason = explain(Difference(path, kind, value, kinds.get(kind, {}).get(value, []), about, told, kinds), reasons)
                    if reason is None:
                        unexplained += 1
                        print(f"NO REASON {path}: {kind}: {side}: {value!r} {kinds.get(kind, {}).get(value, [])}"[:400], file=sys.stderr)
                    found[path, kind, side, reason or "NO REASON"].append(value)
    for (path, kind, side, reason), values in found.items():
        few = ": " + ", ".join(map(shown, values)) if len(values) <= SHOWN else ""
        print(f"{path}: {kind}: {side} {len(values)}: {reason}{few}")
    print(f"{pairs} counts, {equal} the same value by value, {len(found)} explained parts of the others, {unexplained} values without a reason", file=sys.stderr)
    if planted:
        print("the planted differences were found" if unexplained == 2 else "the planted differences were not found", file=sys.stderr)
        return 0 if unexplained == 2 else 1
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    # Hostile files hold halves of characters.
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.stderr.reconfigure(errors="backslashreplace")
    sys.exit(main())

#!/usr/bin/env python3
"""Imports each file into a running node as a handler does, and holds what it says against what the readers found:

    through_a_node.py [--planted] BINARY COUNTED.json FOLDER...

COUNTED.json is what `count_kinds --all` prints of the same folders. Of each file the import ends by itself, accounts for every record, and takes as many
indicators as the reader found; of all, an export then has each value that was found, by kind, but for what had ended and what the gate kept back; the
node serves on, and has logged no panic. With --planted one count is wrong by one, and it ends with 0 only if that file alone is told.
"""
import collections
import csv
import io
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "exports"))
from node import Node

# Something left; nothing in it could be read; a gate kept all of it back.
ENDS = (0, 1, 3)
PARTS = ("released", "duplicate", "withheld", "invalid", "left_out")


def imported(node, path):
    """The report of one file, or why there is none."""
    command = [node.binary, "import", str(path), "--tlp", "clear", "--to", "circle", "--now", "--json"]
    done = subprocess.run(command, env=node.environment, capture_output=True, text=True, timeout=600)
    if done.returncode not in ENDS:
        return None, f"ended with {done.returncode}: {done.stderr[-300:]}"
    if not done.stdout:
        # A file that cannot be read at all has no report, and says why.
        return (dict.fromkeys(("read", *PARTS), 0), None) if done.stderr else (None, "says nothing at all")
    return json.loads(done.stdout), None


def wrong_with(report, items):
    parts = {part: report[part] for part in PARTS}
    if report["read"] != sum(parts.values()):
        return f"{report['read']} read, and {parts}"
    taken = parts["released"] + parts["duplicate"] + parts["withheld"]
    return None if taken == items else f"{taken} indicators taken, {items} in the file"


def wrong_with_all(node, counted, withheld):
    """By kind: an export has what was counted and nothing else, but for what had ended and what was kept back."""
    csv.field_size_limit(1 << 30)
    held = collections.defaultdict(set)
    for row in csv.DictReader(io.StringIO(node.run("export", "csv", "--class-max", "restricted"), newline="")):
        held[row["type"]].add(row["value"])
    found = collections.defaultdict(set)
    for file in counted.values():
        for kind, values in file["values"].items():
            found[kind].update(values)
    print("held, and found: " + ", ".join(f"{kind} {len(held[kind])} {len(found[kind])}" for kind in sorted(found)))
    gone = 0
    for kind in sorted(held.keys() | found.keys()):
        # A URL leaves without what looks like a person's token, and a path without a user's name.
        if kind in ("url", "file_path"):
            continue
        if not held[kind] <= found[kind]:
            yield f"{kind}: {sorted(held[kind] - found[kind])[:3]} stands in no file"
        missing = sorted(found[kind] - held[kind])
        answers = []
        for at in range(0, len(missing), 200):
            answers += node.json("lookup", "--kind", kind, "-", into="\n".join(missing[at : at + 200]))
        for value, answer in zip(missing, answers, strict=True):
            states = {match["state"] for match in answer["matches"] if match["match"] == "exact"}
            gone += not states
            if states - {"expired"}:
                yield f"{kind}: `{value}` is {states}, and no export has it"
    if gone > withheld:
        yield f"{gone} values are not there, and {withheld} were withheld"


def main():
    planted = sys.argv[1] == "--planted"
    binary, counted, *folders = sys.argv[1 + planted :]
    counted = json.loads(pathlib.Path(counted).read_text())
    files = sorted(path for folder in folders for path in pathlib.Path(folder).rglob("*") if path.is_file())
    if not files or {str(path) for path in files} != set(counted):
        sys.exit("FAIL: the files are not those that were counted")
    if planted:
        # One is enough, and a node that has little to read is quick.
        files = [path for path in files if 0 < counted[str(path)]["items"] < 50][:1]
        counted[str(files[0])]["items"] += 1
    wrong, total, kinds = [], collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory() as scratch:
        node = Node(binary, scratch)
        for number, path in enumerate(files, 1):
            report, problem = imported(node, path)
            if report:
                problem = wrong_with(report, counted[str(path)]["items"])
                total.update({part: report[part] for part in ("read", *PARTS)})
                kinds.update(report.get("kinds", {}))
            if problem:
                wrong.append(f"{path}: {problem}")
            if number % 50 == 0:
                print(f"{number} of {len(files)} files", flush=True)
        if node.serving.poll() is not None:
            wrong.append(f"the node has ended with {node.serving.returncode}")
        elif not planted:
            wrong += wrong_with_all(node, counted, total["withheld"])
        if "panicked" in node.data.with_suffix(".log").read_text():
            wrong.append("the node has logged a panic")
        node.stop()
    print(f"{len(files)} files: " + ", ".join(f"{value} {part}" for part, value in total.items()))
    if planted:
        sys.exit(0 if len(wrong) == 1 and str(files[0]) in wrong[0] else f"FAIL: a wrong count was believed: {wrong}")
    if wrong:
        sys.exit("FAIL: " + "\n".join(wrong[:20]))


main()

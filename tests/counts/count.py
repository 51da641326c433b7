#!/usr/bin/env python3
"""Counts the distinct values of each kind in STIX, MISP, CSV and list files: count.py FOLDER... [--against OURS.json]

The second opinion on our readers. It shares no code and no table with them: it loads whole files with Python's own JSON and looks
at patterns with regular expressions. Prints JSON, path -> {kind: distinct}; with --against (what `count_kinds` prints) only the
files and kinds that differ, and exits with 1 if any do. EXPLAINED.md says why those differ that do.
"""
import csv
import ipaddress
import json
import os
import re
import sys
from collections import defaultdict
from urllib.parse import urlsplit

ONE = re.compile(r"""^\[\s*([a-z0-9-]+):([\w.'-]+)\s*={1,2}\s*'((?:[^'\\]|\\.)*)'\s*\]$""", re.S)
HASHES = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}


def host(text):
    text = text.strip().rstrip(".").lower()
    if text.isascii():
        return text
    try:
        return text.encode("idna").decode()
    except UnicodeError:
        return text


def url(text):
    text = text.strip()
    parts = urlsplit(text)
    place = host(parts.netloc.rpartition("@")[2])
    port = {"http": ":80", "https": ":443"}.get(parts.scheme.lower())
    if port and place.endswith(port):
        place = place[: -len(port)]
    rest = text[text.find(parts.netloc) + len(parts.netloc):]
    return parts.scheme.lower() + "://" + place + (rest or "/")


def address(text):
    try:
        net = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    single = net.prefixlen == net.max_prefixlen
    return f"ipv{net.version}" + ("" if single else "_net"), str(net.network_address if single else net)


def network_name(kind, text):
    """What a domain or URL property really holds: published feeds mix them up."""
    found = address(text)
    if found:
        return found
    if kind == "url" and "://" not in text:
        return ("domain", host(text)) if "/" not in text else ("url", url("http://" + text))
    return (kind, url(text) if kind == "url" else host(text))


def stix_pattern(text):
    match = ONE.match(text.strip())
    if not match:
        return "pattern", re.sub(r"\s+", " ", text.strip())
    what, prop, value = match.groups()
    value = re.sub(r"\\(.)", r"\1", value)
    prop = prop.replace("'", "")
    if what == "file" and prop.startswith("hashes."):
        return HASHES.get(len(value.strip()), "pattern"), value.strip().lower()
    if what == "app" and prop.startswith("cert."):
        return "app_cert_hash", value.strip().lower()
    if what in ("ipv4-addr", "ipv6-addr", "domain-name"):
        return network_name("domain", value)
    if what == "url":
        return network_name("url", value)
    names = {
        "email-addr:value": "email", "file:name": "file_name", "file:path": "file_path", "process:name": "process_name", "app:id": "app_id",
        "configuration-profile:id": "configuration_profile_id", "android-property:name": "android_property", "mutex:name": "mutex",
        "windows-registry-key:key": "registry_key",
    }
    kind = names.get(f"{what}:{prop}")
    return (kind, value.strip().lower() if kind == "email" else value.strip()) if kind else ("pattern", text.strip())


def stix(objects, found):
    for item in objects:
        if isinstance(item, dict) and item.get("type") == "indicator" and isinstance(item.get("pattern"), str):
            found.append(stix_pattern(item["pattern"]))


def misp_value(kind, value):
    """(kind, value) pairs of an attribute; none for what is no observable."""
    first, _, second = kind.partition("|")
    if first in ("filename", "malware-sample"):
        name, _, digest = value.rpartition("|") if "|" in value else (value, "", "")
        yield ("file_path" if "/" in name or "\\" in name else "file_name"), name
        if digest:
            yield HASHES.get(len(digest), "?"), digest.lower()
    elif kind in ("md5", "sha1", "sha256", "sha512"):
        yield kind, value.lower()
    elif kind in ("domain", "hostname"):
        yield network_name("domain", value)
    elif kind == "url":
        yield network_name("url", value)
    elif kind in ("ip-dst", "ip-src"):
        yield address(value) or ("?", value)
    elif first in ("ip-dst", "ip-src", "hostname", "domain"):
        left, _, right = value.partition("|")
        yield network_name("domain", left)
        if second == "ip":
            yield network_name("domain", right)
    elif first == "regkey":
        yield "registry_key", value.partition("|")[0] if second else value
    elif kind in ("email-src", "email-dst", "email"):
        yield "email", value.lower()
    else:
        plain = {"mutex": "mutex", "user-agent": "user_agent", "btc": "cryptocurrency_address", "xmr": "cryptocurrency_address",
                 "dash": "cryptocurrency_address", "AS": "pattern", "ssdeep": "pattern", "email-subject": "pattern"}.get(kind)
        if plain:
            yield plain, value


def attributes(event):
    for attribute in event.get("Attribute") or []:
        if isinstance(attribute, dict):
            yield attribute, None
    for group in event.get("Object") or []:
        if isinstance(group, dict):
            for attribute in group.get("Attribute") or []:
                if isinstance(attribute, dict):
                    yield attribute, group.get("name")


def misp(event, found):
    """`to_ids: false` is context, unless nothing in the event says true; recipients count only where it says true."""
    rows = [(a, name, list(misp_value(str(a.get("type")), str(a.get("value"))))) for a, name in attributes(event) if a.get("value") is not None]
    app = lambda a, name: name == "android-app" and a.get("object_relation") in ("appid", "certificate")
    used = any(a.get("to_ids") in (True, "1") for a, name, pairs in rows if pairs or app(a, name))
    for a, name, pairs in rows:
        if app(a, name):
            found.append(("app_id" if a["object_relation"] == "appid" else "app_cert_hash", str(a["value"])))
            continue
        on = a.get("to_ids") in (True, "1")
        if on or (a.get("type") != "email-dst" and not (used and a.get("to_ids") is False)):
            found.extend(pairs)


def events(data):
    if isinstance(data, list):
        for item in data:
            yield from events(item)
    elif isinstance(data, dict):
        if "response" in data or "Event" in data:
            yield from events(data.get("response", data.get("Event")))
        else:
            single = data.get("Object")
            yield {**data, "Object": [single]} if isinstance(single, dict) else data


NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)+(?:[a-z]{2,24}|xn--[a-z0-9-]+)", re.I)
MAIL = re.compile(r"[\w.+-]+@(?:[\w-]+\.)+[a-z]{2,}", re.I)


def plain(text):
    """A cell or line that is one value and nothing else, defanged or not."""
    text = re.sub(r"\s*[\[({]\s*(?:\.|dot)\s*[\])}]\s*", ".", text.strip().strip('"').strip("\u00a0\u200b"), flags=re.I)
    text = re.sub(r"^hxxp", "http", text.replace("[:]", ":").replace("[at]", "@").replace("[@]", "@"), flags=re.I)
    if re.fullmatch(r"[0-9a-f]+", text, re.I) and len(text) in HASHES:
        return HASHES[len(text)], text.lower()
    found = address(text)
    if found:
        return found
    if re.match(r"https?://\S+$", text, re.I):
        return network_name("url", text)
    if MAIL.fullmatch(text):
        return "email", text.lower()
    if NAME.fullmatch(text):
        return "domain", host(text)
    return None


def table(path):
    """Every word of a CSV file or a list that is a value by itself; no column is trusted or left out."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not path.endswith((".csv", ".tsv")):
        return [plain(word) for line in lines for word in re.split(r"[\s|,;]+", line)]
    delimiter = max(",;\t", key=lambda c: sum(line.count(c) for line in lines[:20]))
    return [plain(cell) for row in csv.reader(lines, delimiter=delimiter) for cell in re.split(r"[\s|,]+", " ".join(row))]


def count(path):
    if path.endswith((".csv", ".tsv", ".txt")):
        found = [pair for pair in table(path) if pair]
        kinds = defaultdict(set)
        for kind, value in found:
            kinds[kind].add(value)
        return {kind: len(values) for kind, values in sorted(kinds.items())}
    with open(path, encoding="utf-8-sig") as file:
        data = json.load(file)
    found = []
    if isinstance(data, dict) and "objects" in data:
        stix(data["objects"], found)
    elif isinstance(data, dict) and data.get("type") == "indicator":
        stix([data], found)
    else:
        for event in events(data):
            if isinstance(event, dict):
                misp(event, found)
    kinds = defaultdict(set)
    for kind, value in found:
        kinds[kind].add(value)
    return {kind: len(values) for kind, values in sorted(kinds.items())}


def main():
    arguments = sys.argv[1:]
    ours = None
    if "--against" in arguments:
        at = arguments.index("--against")
        with open(arguments[at + 1], encoding="utf-8") as file:
            ours = json.load(file)
        del arguments[at: at + 2]
    counts = {}
    for folder in arguments:
        paths = [folder] if os.path.isfile(folder) else sorted(os.path.join(d, f) for d, _, fs in os.walk(folder) for f in fs)
        for path in paths:
            try:
                counts[path] = count(path)
            except (ValueError, RecursionError, AttributeError, TypeError):
                continue
    if ours is None:
        print(json.dumps(counts, indent=1))
        return 0
    differing = 0
    for path, kinds in counts.items():
        other = ours.get(path, {}).get("kinds", {})
        for kind in sorted(set(kinds) | set(other)):
            if kinds.get(kind, 0) != other.get(kind, 0):
                differing += 1
                print(f"{path}: {kind}: we {other.get(kind, 0)}, count.py {kinds.get(kind, 0)}")
    print(f"{len(counts)} files, {differing} differences", file=sys.stderr)
    return 1 if differing else 0


sys.exit(main())

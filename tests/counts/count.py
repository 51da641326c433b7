#!/usr/bin/env python3
"""Finds the distinct values of each kind in STIX, MISP, CSV and list files: count.py FOLDER... [--values]

The second opinion on our readers. It shares no code, no table and no rule with them: it loads whole files with Python's own JSON, looks
at patterns with regular expressions, takes every attribute of a MISP event whatever its flags say, and every word of a table or a list
that has the form of a value, whatever its column says. So it finds more, on purpose: explain.py has the reason for each difference.

Prints JSON, path -> {kind: distinct}; with --values path -> {kind: {value: [where it was seen]}}.
"""
import csv
import ipaddress
import json
import os
import re
import sys
from collections import defaultdict
from urllib.parse import urlsplit

csv.field_size_limit(sys.maxsize)

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
    port = {"http": ":80", "https": ":443", "ftp": ":21"}.get(parts.scheme.lower())
    if port and place.endswith(port):
        place = place[: -len(port)]
    rest = text[text.find(parts.netloc) + len(parts.netloc):].rstrip("?#")
    if not rest.startswith("/"):
        rest = "/" + rest
    if parts.scheme.lower() == "file":
        return text
    for char, code in ((" ", "%20"), ('"', "%22"), ("<", "%3C"), (">", "%3E")):
        rest = rest.replace(char, code)
    return parts.scheme.lower() + "://" + place + rest


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


HIVES = {"HKLM": "HKEY_LOCAL_MACHINE", "HKCU": "HKEY_CURRENT_USER", "HKCR": "HKEY_CLASSES_ROOT", "HKU": "HKEY_USERS"}


def registry(text):
    """Windows compares keys without their case."""
    hive, _, rest = text.strip().rstrip("\\").partition("\\")
    return HIVES.get(hive.upper(), hive) + "\\" + rest.lower()


def spaced(pattern):
    """One blank round each operator outside of quotes."""
    parts = re.split(r"('(?:[^'\\]|\\.)*')", pattern.strip())
    parts[::2] = [re.sub(r"\s*(!=|>=|<=|==?|>|<)\s*", lambda m: f" {'=' if m[1] == '==' else m[1]} ", re.sub(r"\s+", " ", part)) for part in parts[::2]]
    return re.sub(r"\s*\]\s*$", "]", re.sub(r"^\[\s*", "[", "".join(parts)))


def stix_pattern(text):
    match = ONE.match(text.strip())
    if not match:
        return "pattern", spaced(text)
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
    if kind == "registry_key":
        return kind, registry(value)
    return (kind, value.strip().lower() if kind == "email" else value.strip()) if kind else ("pattern", spaced(text))


def stix(objects, found):
    for at, item in enumerate(objects):
        if isinstance(item, dict) and item.get("type") == "indicator" and isinstance(item.get("pattern"), str):
            found.append((*stix_pattern(item["pattern"]), f"id={item.get('id')} objects[{at}]"))


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
        yield "registry_key", registry(value.partition("|")[0] if second else value)
    elif kind in ("email-src", "email-dst", "email"):
        yield "email", value.lower()
    else:
        plain = {"mutex": "mutex", "user-agent": "user_agent", "btc": "cryptocurrency_address", "xmr": "cryptocurrency_address",
                 "dash": "cryptocurrency_address", "AS": "pattern", "ssdeep": "pattern", "email-subject": "pattern"}.get(kind)
        if kind == "AS":
            yield plain, f"[autonomous-system:number = '{value}']"
        elif plain:
            yield plain, value


def attributes(event):
    several = event.get("Attribute") or []
    # Some exports write a list as an object whose names are its numbers.
    for attribute in several.values() if isinstance(several, dict) else several:
        if isinstance(attribute, dict):
            yield attribute, None
    for group in event.get("Object") or []:
        if isinstance(group, dict):
            for attribute in group.get("Attribute") or []:
                if isinstance(attribute, dict):
                    yield attribute, group.get("name")


def misp(event, found):
    """Every attribute, with what its event says of it as evidence. A publisher who uses no flag at all is told apart."""
    rows = list(attributes(event))
    used = any(a.get("to_ids") in (True, "1") for a, _ in rows)
    for a, name in rows:
        if a.get("value") is None:
            continue
        where = f"type={a.get('type')} to_ids={a.get('to_ids')} used={used} object={name} relation={a.get('object_relation')} deleted={a.get('deleted')} uuid={a.get('uuid')}"
        if name == "android-app" and a.get("object_relation") in ("appid", "certificate"):
            pairs = [("app_id" if a["object_relation"] == "appid" else "app_cert_hash", str(a["value"]).lower() if a["object_relation"] == "certificate" else str(a["value"]))]
        else:
            pairs = misp_value(str(a.get("type")), str(a["value"]))
        found.extend((*pair, where) for pair in pairs)


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
    text = re.sub(r"\s*[\[({]\s*(?:\.|dot)\s*[\])}]\s*", ".", re.sub("[\u200b\ufeff]", "", text).strip().strip('"'), flags=re.I)
    text = re.sub(r"^hxxp", "http", text.replace("[:]", ":").replace("[at]", "@").replace("[@]", "@"), flags=re.I)
    if re.fullmatch(r"[0-9a-f]+", text, re.I) and len(text) in HASHES:
        return HASHES[len(text)], text.lower()
    found = address(re.sub(r"^(\d+\.\d+\.\d+\.\d+):\d{1,5}$", r"\1", text))
    if found:
        return found
    if re.match(r"(https?|wss?|ftp)://\S+$", text, re.I):
        return network_name("url", text)
    if MAIL.fullmatch(text):
        return "email", text.lower()
    if NAME.fullmatch(text):
        return "domain", host(text)
    return None


def words(cell):
    """The cell itself, then its words; brackets and quotes round a word are no part of it."""
    yield cell
    for word in re.split(r"[\s|,;]+", cell):
        if word != cell:
            yield word.strip("\"'<>()")


def table(path, found):
    """Every cell and every word of a CSV file or a list that is a value by itself; no column is trusted or left out."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    lines = text.splitlines()
    kept = [(at, line) for at, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")]
    delimiter = max(",;\t", key=lambda c: sum(line.count(c) for _, line in kept[:20])) if path.endswith((".csv", ".tsv")) else None
    header = next(csv.reader([kept[0][1]], delimiter=delimiter)) if kept and delimiter else []
    for at, line in kept:
        cells = next(csv.reader([line], delimiter=delimiter), []) if delimiter else [line]
        for column, cell in enumerate(cells):
            name = header[column].strip().lower() if column < len(header) else ""
            for word in words(cell.strip()):
                pair = plain(word)
                if pair:
                    found.append((*pair, f"line={at} column={name!r} cell={cell.strip()[:300]!r}"))


def count(path):
    """kind -> value -> where, of a file; raises what JSON raises."""
    found = []
    if path.endswith((".csv", ".tsv", ".txt")):
        table(path, found)
    else:
        with open(path, encoding="utf-8-sig") as file:
            data = json.load(file)
        if isinstance(data, dict) and "objects" in data:
            stix(data["objects"], found)
        elif isinstance(data, dict) and data.get("type") == "indicator":
            stix([data], found)
        elif isinstance(data, list) and any(isinstance(item, dict) and item.get("type") == "indicator" for item in data):
            stix(data, found)
        else:
            for event in events(data):
                if isinstance(event, dict):
                    misp(event, found)
    kinds = defaultdict(lambda: defaultdict(list))
    for kind, value, where in found:
        if len(kinds[kind][value]) < 5:
            kinds[kind][value].append(where)
    return kinds


def files(folders):
    for folder in folders:
        yield from [folder] if os.path.isfile(folder) else sorted(os.path.join(d, f) for d, _, fs in os.walk(folder) for f in fs)


def everything(folders):
    """path -> kind -> value -> where; files that are no JSON, or none of the formats, are left out."""
    counts = {}
    for path in files(folders):
        try:
            counts[path] = count(path)
        except (ValueError, RecursionError, AttributeError, TypeError):
            continue
    return counts


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--values"]
    counts = everything(arguments)
    if len(arguments) == len(sys.argv) - 1:
        counts = {path: {kind: len(values) for kind, values in sorted(kinds.items())} for path, kinds in counts.items()}
    print(json.dumps(counts, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()

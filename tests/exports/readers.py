#!/usr/bin/env python3
"""What partners have reads what a node serves. Usage: readers.py BINARY SCRATCH [PART...]

Each reader is a function that returns what is wrong. It is asked twice: of the export, where nothing may be wrong, and of one that was broken, or
of something that is not in it, where something must be: a reader that takes everything proves nothing."""

import csv
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

from capture import Capture, ELSEWHERE
from node import Node, Partner, plain

os.environ.pop("REQUESTS_CA_BUNDLE", None)
os.environ.pop("CURL_CA_BUNDLE", None)
binary, scratch = sys.argv[1], pathlib.Path(sys.argv[2])
passed, skipped = 0, []

BODY = b"what an implant is downloaded as\n" * 40
SHA256 = hashlib.sha256(BODY).hexdigest()
SHA1, MD5 = hashlib.sha1(BODY + b"1").hexdigest(), hashlib.md5(BODY + b"2").hexdigest()
CERT = "3d" * 20
# The eleven kinds that MVT has a list of, by its own names, with the kind and the value here. Each is of a campaign of its own, which a hit names.
FOR_MVT = {
    "domain": ("domain", "fresh-lure.com"),
    "url": ("url", "https://page.another-lure.net/login"),
    "email": ("email", "sender@third-lure.org"),
    "process": ("process-name", "roleaboutd"),
    "file_name": ("file-name", "implant.plist"),
    "file_path": ("file-path", "/private/var/tmp/implant"),
    "app_id": ("app-id", "com.planted.spy"),
    "cert_hash": ("app-cert-hash", CERT),
    "sha256": ("sha256", SHA256),
    "profile_id": ("configuration-profile-id", "com.planted.profile"),
    "property": ("android-property", "ro.planted.spy"),
}
MORE = [
    ("ipv4", "198.51.100.7"),
    ("ipv6", "2001:db8::7"),
    ("ipv4-net", "203.0.113.0/24"),
    ("md5", MD5),
    ("sha1", SHA1),
    ("domain", "xn--bcher-kva.com"),
    ("domain", "deep.down.fourth-lure.com"),
    ("url", "https://page.another-lure.net/?a=b&c=%27d%27"),
    ("file-name", "=cmd()!A0"),
    ("user-agent", "Implant/1.0 (x; y)"),
    ("phone-number", "+31612345678"),
    ("mutex", "Global\\planted"),
    ("registry-key", "HKEY_LOCAL_MACHINE\\software\\planted"),
    ("domain", "evil.github.io"),
    ("domain", "evil.wordpress.com"),
]
# What everybody uses: public suffixes, private ones among them, hosts of everybody's pages that are none and that no list here names, and what a warninglist names.
SUFFIXES = ["co.uk", "com.br", "github.io", "web.app", "pages.dev", "duckdns.org", "netlify.app", "blogspot.com", "s3.amazonaws.com", "herokuapp.com"]
SHARED = [("domain", "wordpress.com"), ("domain", "github.com"), ("domain", "docs.google.com"), ("domain", "t.me"), ("url", "https://bit.ly/")]
LISTED = ["wikipedia.org", "mozilla.org", "9.9.9.9", "signal.org"]
# Below this one is a name of that list: a list that covers all of it would cover that.
BELOW_IT_LISTED, LISTED_BELOW = "issues-certificates.com", "ocsp.issues-certificates.com"
HIDDEN = "above-the-ceiling.com"
HEADLINE = "accounts are taken over by a call"
LOOKALIKES = ["notfresh-lure.com", "fresh-lure.com.harmless.org", "lure.com"]
EVERYBODYS = SUFFIXES + [value for _, value in SHARED] + LISTED + [BELOW_IT_LISTED]
PLANTED = [value for _, value in [*FOR_MVT.values(), *MORE]] + EVERYBODYS


class Missing(Exception):
    """What a part needs is not here."""


def say_skipped(what, why):
    skipped.append(what)
    print(f"SKIP: {what}: {why}")
    if os.environ.get("WATCHFIRE_SKIPS"):
        with open(os.environ["WATCHFIRE_SKIPS"], "a") as out:
            out.write(f"{what}: {why}\n")


def good(what, wrong):
    global passed
    if wrong:
        sys.exit(f"FAIL: {what}: {wrong[:5]}")
    passed += 1


def caught(what, wrong):
    good(f"this must be caught: {what}", [] if wrong else ["it was not"])


def program(name):
    found = shutil.which(name)
    if not found:
        raise Missing(f"there is no `{name}`; tests/exports/install fetches it")
    return found


def run(*args, **more):
    return subprocess.run([str(one) for one in args], capture_output=True, text=True, timeout=600, **more)


# MVT

def artefacts(folder, values):
    """What MVT takes from a telephone, as its own modules store it."""
    when = "2026-01-01 00:00:00.000000"
    ios, android = folder / "ios", folder / "android"

    def page(url, number):
        ids = {"visit_id": number, "id": number, "timestamp": 7e8, "isodate": when}
        return {"url": url, **ids, "redirect_source": None, "redirect_destination": None, "safari_history_db": "History.db"}

    def backup_file(path):
        times = {"created": when, "modified": when, "isodate": when}
        return {"file_id": "x", "domain": "HomeDomain", "relative_path": path, "flags": 1, **times, "mode": "-rw", "owner": 0, "size": 1}

    def package(name, sha256, cert):
        certificate = {"Md5": "", "Sha1": cert, "Sha256": ""}
        digests = {"md5": "", "sha1": "", "sha256": sha256, "sha512": ""}
        of_file = {"path": "/data/app/x/base.apk", "local_name": "", **digests, "verified_certificate": True, "certificate": certificate}
        installed = {"installer": "com.android.vending", "installer_name": "com.android.vending", "uid": 1}
        flags = {"disabled": False, "system": False, "third_party": True}
        return {"name": name, "package_name": name, **installed, **flags, "files": [{**of_file, "certificate_error": "", "trusted_certificate": False}]}

    traffic = {"ts": when, "isodate": when, "wifi_in": 0, "wifi_out": 0, "wwan_in": 0, "wwan_out": 0}
    content = [{"PayloadType": "x", "PayloadUUID": values["profile_id"]}]
    plist = {"PayloadUUID": values["profile_id"], "PayloadIdentifier": "x", "PayloadDisplayName": "x", "PayloadContent": content}
    stored = {
        ios / "safari_history.json": [page(f"https://{values['domain']}/x", 1), page(values["url"], 2)],
        ios / "id_status_cache.json": [{"package": "x", "idstatus": 1, "user": f"mailto:{values['email']}", "isodate": when, "occurrences": 1}],
        ios / "os_analytics_ad_daily.json": [{"package": values["process"], **traffic}],
        ios / "manifest.json": [backup_file(f"Library/x/{values['file_name']}")],
        ios / "filesystem.json": [{"path": values["file_path"], "modified": when, "isodate": when}],
        ios / "configuration_profiles.json": [
            {"file_id": "x", "relative_path": "x", "domain": "x", "plist": plist, "install_date": when, "isodate": when}
        ],
        android / "aqf_packages.json": [
            package(values["app_id"], "", ""), package("org.one", values["sha256"], ""), package("org.other", "", values["cert_hash"])
        ],
        android / "dumpsys_get_prop.json": [{"name": values["property"], "value": "1"}],
    }
    for path, records in stored.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(records))


def mvt(shards, values, work):
    """Which kinds MVT does not flag; a crash is all of them."""
    artefacts(work, values)
    said = ""
    for tool, folder in [("mvt-ios", "ios"), ("mvt-android", "android")]:
        command = pathlib.Path(sys.executable).parent / tool
        if not command.exists():
            raise Missing(f"there is no `{tool}`")
        home = {"HOME": str(work), "MVT_DATA_FOLDER": str(work), "MVT_STIX2": str(shards), "COLUMNS": "1000", "PATH": os.environ["PATH"]}
        done = run(command, "--disable-update-check", "--disable-indicator-update-check", "check-iocs", work / folder, env=home)
        if done.returncode or "Traceback" in done.stdout + done.stderr:
            return [f"{tool} dies: {(done.stdout + done.stderr)[-300:]}"]
        said += done.stdout + done.stderr
    # Of a profile it does not say which campaign.
    said_of = lambda kind: f'malicious configuration profile "x" with UUID "{values[kind]}"' if kind == "profile_id" else f'"hit {kind}"'
    return [f"{kind} is not flagged" for kind in values if said_of(kind) not in said]


LOAD = """
import glob, logging, os, sys, time
logging.disable(logging.CRITICAL)
from mvt.common.indicators import Indicators
found = Indicators(log=logging.getLogger("x"))
began, clock = time.process_time(), time.monotonic()
found.load_indicators_files(sorted(glob.glob(os.path.join(sys.argv[1], "*.stix2"))), load_default=False)
print(found.total_ioc_count, time.process_time() - began, time.monotonic() - clock)
"""


def loaded(folder, wanted, work):
    """What is wrong with how many indicators MVT reads, and how many milliseconds of its own time each takes."""
    done = run(sys.executable, "-c", LOAD, folder, env={"HOME": str(work), "MVT_DATA_FOLDER": str(work), "PATH": os.environ["PATH"]})
    if done.returncode:
        return [done.stderr[-300:]], 0
    count, own, clock = done.stdout.split()
    print(f"mvt: {count} indicators in {len(list(folder.iterdir()))} files: {float(own):.1f} s of its own time, {float(clock):.1f} s by the clock")
    return [f"{count} indicators"] * (int(count) != wanted), 1_000 * float(own) / max(int(count), 1)


def part_mvt(node, token):
    values = {kind: value for kind, (_, value) in FOR_MVT.items()}
    shards = node.files("mvt", token, scratch / "mvt")
    good("MVT reads the export and flags a hit of each kind", mvt(shards, values, scratch / "mvt-hits"))
    clean = {kind: value[:-1] + ("0" if value[-1] != "0" else "1") for kind, value in values.items()}
    wrong = mvt(shards, clean, scratch / "mvt-clean")
    good("MVT flags nothing that is not there", [] if len(wrong) == len(values) else [kind for kind in values if f"{kind} is not flagged" not in wrong])
    broken = scratch / "mvt-broken"
    shutil.copytree(shards, broken)
    text = (broken / "00001.stix2").read_text()
    (broken / "00001.stix2").write_text(text.replace("/private/var/tmp/implant", "/private/var/tmp/im=plant"))
    caught("a value with `=`", mvt(broken, values, scratch / "mvt-dies"))


# STIX

def validated(text):
    """What OASIS's validator has against a bundle."""
    from stix2validator import ValidationOptions, validate_string

    results = validate_string(text, ValidationOptions(version="2.1"))
    results = results if isinstance(results, list) else [results]
    return [str(error) for result in results for error in (result.errors or [])]


# No spelling of these two satisfies both MVT and the validator.
MVT_ALONE = ("[app:", "[configuration-profile:")


def part_stix(node, token):
    bundle = node.fetch("/export/stix.json", token).decode()
    values = [one["pattern"] for one in json.loads(bundle)["objects"] if one["type"] == "indicator"]
    good("all are in the bundle", [] if len(values) == len(PLANTED) else [len(values)])
    good("the validator passes the bundle", validated(bundle))
    caught("an indicator without `valid_from`", validated(bundle.replace('"valid_from"', '"valid_since"')))
    caught("a pattern that is none", validated(bundle.replace("[domain-name:value = 'fresh-lure.com']", "[domain-name:value == 'fresh-lure.com'")))
    for shard in sorted(node.files("mvt", token, scratch / "stix-mvt").iterdir()):
        whole = json.loads(shard.read_text())
        alone = {one["id"] for one in whole["objects"] if one.get("pattern", "").startswith(MVT_ALONE)}
        rest = [one for one in whole["objects"] if one["id"] not in alone and one.get("source_ref") not in alone]
        good("the validator passes MVT's files but for two kinds", validated(json.dumps({**whole, "objects": rest})) + ["no such kinds"] * (not alone))


# Suricata

def settings(work):
    """The settings that came with Suricata, and the same with all kinds of hashes computed. They say it twice; the first is of eve-log."""
    own = pathlib.Path("/etc/suricata/suricata.yaml").read_text()
    forced = work / "suricata.yaml"
    forced.write_text(own.replace("#force-hash: [md5]", "force-hash: [sha256, sha1, md5]", 1))
    return forced


def alerts(rules, capture, work, *more):
    """At which ports on our side Suricata alerts."""
    work.mkdir()
    done = run(program("suricata"), *more, "-S", rules / "*.rules", "-k", "none", "-r", capture, "-l", work, "--set", f"default-rule-path={rules}", cwd=rules)
    if done.returncode:
        return f"{done.stdout}{done.stderr}"[-500:]
    events = [json.loads(line) for line in (work / "eve.json").read_text().splitlines()]
    return {port for event in events if event["event_type"] == "alert" for port in (event["src_port"], event["dest_port"]) if port > 40_000}


def part_suricata(node, token):
    suricata = program("suricata")
    rules = node.files("suricata", token, scratch / "suricata")
    test = lambda: run(suricata, "-T", "-S", rules / "*.rules", "-l", scratch, "--set", f"default-rule-path={rules}", cwd=rules)
    done = test()
    good("suricata -T takes the rules", [done.stdout + done.stderr] * (done.returncode != 0))
    capture = Capture()
    body_of = {"sha256": BODY, "sha1": BODY + b"1", "md5": BODY + b"2"}
    wanted = {
        "a question for a name": capture.question("fresh-lure.com"),
        "one in capitals": capture.question("Fresh-Lure.COM"),
        "a question for a name below": capture.question("a.b.fresh-lure.com"),
        "a name of four labels": capture.question("deep.down.fourth-lure.com"),
        "TLS": capture.tls("fresh-lure.com"),
        "TLS, a name below": capture.tls("login.fresh-lure.com"),
        "HTTP": capture.http("fresh-lure.com"),
        "HTTP, a name below": capture.http("www.fresh-lure.com"),
        "an address": capture.talk("198.51.100.7", 4_444, b"hello\n"),
        "an address of IPv6": capture.talk("2001:db8::7", 4_444, b"hello\n"),
        "a network": capture.talk("203.0.113.77", 4_444, b"hello\n"),
        "a user agent": capture.http("harmless.org", agent="Implant/1.0 (x; y)"),
        **{f"a file by its {name}": capture.http("harmless.org", body=body) for name, body in body_of.items()},
    }
    harmless = {
        **{f"a question for {name}": capture.question(name) for name in [*LOOKALIKES, "down.fourth-lure.com", HIDDEN, "github.io", "github.com"]},
        **{f"TLS, {name}": capture.tls(name) for name in [*LOOKALIKES, "wikipedia.org", "other.github.io"]},
        **{f"HTTP, {name}": capture.http(name) for name in LOOKALIKES},
        "another address": capture.talk("198.51.100.8", 4_444, b"hello\n"),
        "another address of IPv6": capture.talk("2001:db8::8", 4_444, b"hello\n"),
        "a resolver for everybody": capture.talk("9.9.9.9", 443, b"hello\n"),
        "another user agent": capture.http("harmless.org", agent="Implant/1.1"),
        "another file": capture.http("harmless.org", body=BODY + b"3"),
    }
    capture.write(scratch / "contacts.pcap")
    usual = alerts(rules, scratch / "contacts.pcap", scratch / "suricata-usual")
    good("Suricata reads the capture", [usual] * (not isinstance(usual, set)))
    others = ["a file by its sha1", "a file by its md5"]
    good("by its own settings it alerts of each but for two kinds of hashes", [what for what, port in wanted.items() if port not in usual and what not in others])
    found = alerts(rules, scratch / "contacts.pcap", scratch / "suricata-log", "-c", settings(scratch))
    good("it alerts of each contact", [what for what, port in wanted.items() if port not in found])
    good("and of no other", [what for what, port in harmless.items() if port in found])
    print(f"suricata: {len(wanted)} of {len(wanted)} contacts, 0 of {len(harmless)} others")
    (rules / "watchfire-names.lst").write_text("")
    found = alerts(rules, scratch / "contacts.pcap", scratch / "suricata-empty")
    caught("an empty list of names", [what for what, port in wanted.items() if port not in found])
    with (rules / "watchfire.rules").open("a") as out:
        out.write('alert dns any any -> any any (msg:"broken"; dns.query; nosuchkeyword:1; sid:1470099;)\n')
    caught("a rule with a word that is none", ["refused"] * (test().returncode != 0))


# Resolvers

class Upstream:
    """What the internet answers: 192.0.2.1 for each name, and an address that is planted for names that begin with `to-planted`."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self):
        while True:
            message, sender = self.socket.recvfrom(4_096)
            end = message.index(b"\0", 12) + 5
            planted = message[13:].lower().startswith(b"to-planted")
            address = bytes([198, 51, 100, 7] if planted else [192, 0, 2, 1])
            is_a = message[end - 4 : end - 2] == b"\0\x01"
            head = message[:2] + struct.pack(">HHHHH", 0x8180, 1, int(is_a), 0, 0)
            record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + address if is_a else b""
            self.socket.sendto(head + message[12:end] + record, sender)


ENDED = "it has ended"


def asked(port, name, running):
    """What a resolver answers: an address, or the code of its refusal."""
    question = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question += b"\0\0\x01\0\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(1)
        for _ in range(60):
            if running.poll() is not None:
                return ENDED
            try:
                one.sendto(question, ("127.0.0.1", port))
                message = one.recv(4_096)
                break
            except OSError:
                time.sleep(0.2)
        else:
            return "no answer"
    code, answers = message[3] & 15, struct.unpack(">H", message[6:8])[0]
    return ".".join(str(part) for part in message[-4:]) if code == 0 and answers == 1 else f"code {code}"


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


NXDOMAIN, FREE = "code 3", "192.0.2.1"


def resolved(command, wanted):
    """A resolver runs, and is asked. It is begun anew where somebody else has taken its port meanwhile."""
    for _ in range(3):
        port = free_port()
        with subprocess.Popen([str(one) for one in command(port)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
            answers = {name: asked(port, name, running) for name in wanted}
            running.terminate()
            said = running.stderr.read()[-500:]
        if ENDED not in answers.values():
            break
    return [f"{name}: {answers[name]}, not {want} {said}" for name, want in wanted.items() if answers[name] != want]


def part_zone(node, token):
    zone = scratch / "watchfire.rpz"
    zone.write_bytes(node.fetch("/export/rpz.zone", token))
    check = lambda path: run(program("named-checkzone"), "watchfire.rpz", path)
    done = check(zone)
    good("named-checkzone passes the zone", [done.stdout] * (done.returncode != 0))
    broken = scratch / "broken.rpz"
    broken.write_text(zone.read_text() + "x" * 64 + ".com CNAME .\n")
    caught("a label of 64 characters", [""] * (check(broken).returncode != 0))


def part_unbound(node, token):
    unbound, check = program("unbound"), program("unbound-checkconf")
    zone, upstream = scratch / "unbound.rpz", Upstream()
    zone.write_bytes(node.fetch("/export/rpz.zone", token))

    def settings(path, port):
        (scratch / "unbound.conf").write_text(
            f'server:\n directory: "{scratch}"\n chroot: ""\n username: ""\n pidfile: ""\n use-syslog: no\n do-daemonize: no\n'
            f" interface: 127.0.0.1@{port}\n do-not-query-localhost: no\n do-ip6: no\n"
            f' module-config: "respip iterator"\nremote-control:\n control-enable: no\n'
            f'rpz:\n name: watchfire.rpz\n zonefile: "{path}"\nforward-zone:\n name: "."\n forward-addr: 127.0.0.1@{upstream.port}\n'
        )
        return [unbound, "-d", "-c", scratch / "unbound.conf"]

    blocked = ["fresh-lure.com", "a.b.fresh-lure.com", "evil.github.io", "to-planted.harmless.org"]
    free = [*LOOKALIKES, "down.fourth-lure.com", "another-lure.net", "github.io", "other.github.io", "github.com", "bit.ly", "wikipedia.org", HIDDEN]
    wanted = {**{name: NXDOMAIN for name in blocked}, **{name: FREE for name in free}}
    settings(zone, free_port())
    done = run(check, scratch / "unbound.conf")
    good("unbound-checkconf passes it", [done.stdout + done.stderr] * (done.returncode != 0))
    ask = lambda: resolved(lambda port: settings(zone, port), wanted)
    good("Unbound answers by the zone", ask())
    zone.write_text("".join(line for line in zone.read_text().splitlines(True) if "fresh-lure" not in line))
    caught("a zone without a name", ask())


def part_dnsmasq(node, token):
    dnsmasq, upstream = program("dnsmasq"), Upstream()
    conf, hosts = scratch / "dnsmasq.conf", scratch / "hosts"
    conf.write_bytes(node.fetch("/export/dnsmasq.conf", token))
    hosts.write_bytes(node.fetch("/export/hosts", token))
    test = lambda path: run(dnsmasq, "--test", f"--conf-file={path}")
    done = test(conf)
    good("dnsmasq --test passes it", [done.stderr] * (done.returncode != 0))
    (scratch / "broken.conf").write_text(conf.read_text() + "locally=/x/\n")
    caught("a line that is none", [""] * (test(scratch / "broken.conf").returncode != 0))
    free = {name: FREE for name in [*LOOKALIKES, "another-lure.net", "github.io", "github.com", "wikipedia.org", HIDDEN]}

    def ask(conf, hosts, wanted):
        ours = ["--no-daemon", "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts", "--user=", "--pid-file="]
        files = [f"--server=127.0.0.1#{upstream.port}", f"--conf-file={conf}", f"--addn-hosts={hosts}"]
        return resolved(lambda port: [dnsmasq, *ours, *files, f"--port={port}"], wanted)

    names = {name: NXDOMAIN for name in ["fresh-lure.com", "a.b.fresh-lure.com", "evil.github.io"]}
    good("dnsmasq answers by its own lines", ask(conf, "/dev/null", {**names, **free}))
    good("and by the hosts file", ask("/dev/null", hosts, {"fresh-lure.com": "0.0.0.0", "evil.github.io": "0.0.0.0", "a.b.fresh-lure.com": FREE, **free}))
    caught("no lines", ask("/dev/null", "/dev/null", names))


# What is read by scripts and browsers

def table(data):
    """What a strict reader has against a CSV file, and the values in it."""
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        return [str(error)], []
    wrong = [f"{len(row)} cells" for row in rows if len(row) != len(rows[0])]
    wrong += [f"a formula: {cell}" for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
    return wrong, [row[0] for row in rows[1:] if row]


def part_csv(node, token):
    data = node.fetch("/export/csv", token)
    wrong, values = table(data)
    good("a strict reader takes the table", wrong)
    safe = {value.lstrip("'") for value in values}
    good("each value is in it once", [value for value in PLANTED if value not in safe] + [len(values)] * (len(values) != len(PLANTED)))
    caught("a formula", table(data + b"=1+1,domain,green,,,,,,\r\n")[0])
    caught("a row that is too short", table(data + b"x.com,domain\r\n")[0])


def part_adblock(node, token):
    import braveblock

    rules = node.fetch("/export/adblock.txt", token).decode().splitlines()

    def wrong(rules):
        blocker = braveblock.Adblocker(rules=rules, include_easylist=False, include_easyprivacy=False)
        is_blocked = lambda url: blocker.check_network_urls(url=url, source_url="https://news.example/", request_type="document")
        blocked = ["https://fresh-lure.com/", "https://a.b.fresh-lure.com/x", "http://198.51.100.7/", "https://page.another-lure.net/login", "https://evil.github.io/"]
        free = [f"https://{name}/" for name in [*LOOKALIKES, "another-lure.net", "other.github.io", "github.com", "bit.ly", "wikipedia.org", HIDDEN]]
        return [f"{url} passes" for url in blocked if not is_blocked(url)] + [f"{url} is blocked" for url in free if is_blocked(url)]

    good("a blocker blocks by the list", wrong(rules))
    caught("a list without a name", wrong([rule for rule in rules if "fresh-lure" not in rule]))
    caught("a rule for everything", wrong([*rules, "||github.io^"]))


def part_sigma(node, token):
    from sigma.collection import SigmaCollection

    rules = node.files("sigma", token, scratch / "sigma")

    def wrong(rules):
        read = SigmaCollection.load_ruleset([str(rules)], collect_errors=True)
        return [str(error) for error in read.errors] + ["no rules"] * (not read.rules)

    good("pySigma reads the rules", wrong(rules))
    one = sorted(rules.iterdir())[0]
    one.write_text(one.read_text().replace("condition: 1 of shared*", "condition: 1 of"))
    from sigma.exceptions import SigmaError

    def parsed():
        try:
            return [str(rule.detection.parsed_condition[0].parsed) and "" for rule in SigmaCollection.load_ruleset([str(rules)]).rules] and []
        except SigmaError as error:
            return [str(error)]

    caught("a condition that is none", parsed())


def feed(folder):
    """What PyMISP, and MISP's rules for feeds, have against one."""
    from pymisp import MISPEvent

    manifest, wrong, count = json.loads((folder / "manifest.json").read_text()), [], 0
    hashes = {tuple(line.split(",")) for line in (folder / "hashes.csv").read_text().split()}
    for uuid, about in manifest.items():
        event = MISPEvent()
        try:
            event.load(json.loads((folder / f"{uuid}.json").read_text()), validate=False)
        except Exception as error:  # whatever it dies of
            wrong.append(f"{uuid}: {error!r}")
            continue
        if (event.uuid, event.info, int(event.timestamp.timestamp())) != (uuid, about["info"], int(about["timestamp"])):
            wrong.append(f"{uuid} is not what the manifest says")
        count += len(event.attributes)
        wrong += [f"no hash of {one}" for one in event.attributes_hashes("md5") if (one, uuid) not in hashes]
    return wrong + [f"{name} is in no manifest" for name in {file.stem for file in folder.glob("*-*.json")} - set(manifest)], count


def part_misp(node, token):
    import pymisp as _

    folder = node.files("misp", token, scratch / "misp")
    wrong, count = feed(folder)
    good("PyMISP loads the feed", wrong)
    good("each value is in it", [count] * (count != len(PLANTED)))
    (folder / "hashes.csv").write_text("")
    caught("a feed without hashes", feed(folder)[0])


def client(node, token, **more):
    """PyMISP as it is, for the node."""
    import logging

    from pymisp import PyMISP

    logging.getLogger("pymisp").setLevel(logging.CRITICAL)
    return PyMISP(node.url("/misp/"), token, ssl=str(node.data / "https/cert.pem"), **more)


def part_pymisp(node, _token):
    """PyMISP, unmodified, connects, searches and reads."""
    from pymisp import MISPEvent, PyMISPError

    token = node.consumer("scripts", "--scope", "misp", "--tlp-max", "green")
    misp = client(node, token)
    planted = len(PLANTED)
    good("PyMISP connects", [misp._current_user.email] * (misp._current_user.email != "scripts") + ["describeTypes"] * ("domain" not in misp.types))
    found = misp.search(controller="attributes", value="fresh-lure.com", pythonify=True)
    good("a value is found", [len(found)] * (len(found) != 1) or [found[0].value] * (found[0].value != "fresh-lure.com"))
    events = misp.search(value="fresh-lure.com", pythonify=True)
    good("its event is found", [repr(events)] * (len(events) != 1 or not isinstance(events[0], MISPEvent) or events[0].info != "hit domain"))
    for tags in ["hit domain", ["hit domain", "none"], misp.build_complex_query(or_parameters=["hit domain"], not_parameters=["hit url"])]:
        tagged = misp.search(controller="attributes", tags=tags, pythonify=True)
        good(f"{tags} is found", [repr(tagged)] * ([one.value for one in tagged] != ["fresh-lure.com"]))
    good("what has not that tag is not", [one.value for one in misp.search(controller="attributes", tags="!tlp:green", pythonify=True)])
    every = misp.search(controller="attributes", pythonify=True)
    good("all are found", [len(every)] * (len(every) != planted))
    kinds = {one.type for one in misp.search(controller="attributes", type_attribute=["domain", "url"], pythonify=True)}
    good("by type", [kinds] * (kinds != {"domain", "url"}))
    for query in [{"timestamp": "1d"}, {"published": True}, {"date_from": "2020-01-01"}, {"to_ids": 1}, {"last": "1d"}, {"include_event_tags": True}]:
        good(f"{query} finds something", ["nothing"] * (not misp.search(controller="attributes", **query)["Attribute"]))
    for query in [{"timestamp": ["30d", "20d"]}, {"published": False}, {"date_to": "2020-01-01"}, {"deleted": True}, {"eventinfo": "none"}]:
        good(f"{query} finds nothing", misp.search(controller="attributes", **query)["Attribute"])
    seen = [one.uuid for page in range(1, 20) for one in misp.search(controller="attributes", limit=7, page=page, pythonify=True)]
    good("pages have each once", once(seen, {one.uuid for one in every}))
    index = misp.search_index(pythonify=True)
    good("the index is that of the feed", once([event.uuid for event in index], set(json.loads(node.fetch("/export/misp/manifest.json", node.consumer("feed", "--tlp-max", "green"))))))
    good("all events", ["not those"] * (len(misp.events(pythonify=True)) != len(index)))
    good("by tag", [repr(misp.search_index(tags="hit url"))] * (len(misp.search_index(tags="hit url")) != 1))
    for ref in [events[0].uuid, events[0].id, events[0]]:
        event = misp.get_event(ref, pythonify=True)
        good("an event is read by UUID and id", [repr(event)] * (event.info != "hit domain" or [one.value for one in event.attributes] != ["fresh-lure.com"]))
    good("it exists", ["no"] * (not misp.event_exists(events[0])) + ["others do"] * misp.event_exists("00000000-0000-4000-8000-000000000000"))
    alone = misp.get_attribute(found[0].id, pythonify=True)
    good("an attribute is read", [repr(alone)] * (alone.value != "fresh-lure.com"))
    meta = misp.search(metadata=True, value="fresh-lure.com", pythonify=True)
    good("an event without attributes", [repr(meta)] * (len(meta) != 1 or len(meta[0].attributes) != 0))
    rows = misp.search(controller="attributes", return_format="csv", value="fresh-lure.com", pythonify=True)
    good("CSV", [rows] * ([row["value"] for row in rows] != ["fresh-lure.com"]))
    lines = misp.search(controller="attributes", return_format="text", tags="hit domain")
    good("text", [lines] * (lines.split() != ["fresh-lure.com"]))
    bundle = misp.search(controller="attributes", return_format="stix2", value="fresh-lure.com")
    good("STIX is valid", validated(json.dumps(bundle)))
    patterns = [one["pattern"] for one in bundle["objects"] if one["type"] == "indicator"]
    good("and is of that value", [patterns] * (patterns != ["[domain-name:value = 'fresh-lure.com']"]))
    unlisted = misp.search(controller="attributes", value=LISTED, enforce_warninglist=True, pythonify=True)
    good("nothing that warninglists name where that is asked for", [one.value for one in unlisted])
    direct = misp.direct_call("attributes/restSearch", {"value": "fresh-lure.com"})
    good("a direct call", [direct] * (len(direct["Attribute"]) != 1))
    # What it may not see is nowhere, in no form, by no way.
    queries = [{"value": HIDDEN}, {"searchall": f"%{HIDDEN}%"}, {"quick_filter": HIDDEN}, {}]
    hidden = [str(misp.search(controller=where, **query)) for where in ["attributes", "events"] for query in queries]
    hidden += [misp.search(controller="attributes", return_format=form) for form in ["csv", "text"]]
    hidden += [json.dumps(misp.search(controller="attributes", return_format="stix2"))] + [str(misp.get_event(event)) for event in index]
    good("nothing above the ceiling", [one[:200] for one in hidden if HIDDEN in one])
    more = client(node, node.consumer("more", "--scope", "misp", "--tlp-max", "amber"))
    caught("it is there for one who may have it", more.search(controller="attributes", value=HIDDEN, pythonify=True))
    for wrong in ["wf_" + "x" * 43, node.consumer("files", "--tlp-max", "green")]:
        try:
            client(node, wrong)
            good("a wrong token", ["it gets in"])
        except PyMISPError:
            good("a wrong token does not get in", [])
    refused = misp.search(controller="attributes", sharinggroup=5)
    good("what is not known is refused", [refused] * (refused["errors"][0] != 400))
    print(f"pymisp: {len(every)} attributes in {len(index)} events")


def part_pymisp_writes(node, _token):
    """PyMISP, unmodified, adds events, publishes them, and says what it met."""
    from pymisp import MISPEvent, MISPSighting

    says = ["--to", "circle", "--tlp", "green"]
    misp = client(node, node.consumer("writer", "--scope", "misp,produce,sight", "--tlp-max", "green", *says))
    other = client(node, node.consumer("onlooker", "--scope", "misp", "--tlp-max", "green"))
    find = lambda who, **query: [one.value for one in who.search(controller="attributes", pythonify=True, **query)]
    event = MISPEvent()
    event.info, event.threat_level_id = "Lures of the week", 2
    event.add_tag("written-campaign")
    event.add_attribute("domain", "written-lure.com", comment="a login page")
    event.add_attribute("url", "https://page.written-lure.com/login")
    event.add_attribute("comment", "seen by two", to_ids=False)
    added = misp.add_event(event, pythonify=True)
    good("an event is added", [repr(added)] * (not isinstance(added, MISPEvent) or added.uuid != event.uuid or added.published))
    good("what is not taken is told", [repr(added.errors)] * ("comment" not in str(added.errors)))
    good("it is found by its UUID", ["no"] * (misp.get_event(event.uuid, pythonify=True).info != event.info))
    good("its author finds the draft", [find(misp, tags="written-campaign")] * ("written-lure.com" not in find(misp, tags="written-campaign")))
    good("nobody else does", find(other, value="written-lure.com") + ["it exists"] * other.event_exists(event.uuid))
    again = misp.add_event(event)
    good("the same is not added twice", [again] * (again.get("errors", [0])[0] != 403))
    attribute = misp.add_attribute(event.uuid, {"type": "domain", "value": "second-written.com"}, pythonify=True)
    good("an attribute is added", [repr(attribute)] * (attribute.value != "second-written.com"))
    third = misp.add_attribute(event.uuid, {"type": "domain", "value": "third-written.com"}, pythonify=True)
    deleted = misp.delete_attribute(third)
    good("and deleted", [deleted] * (not deleted.get("saved")) + [one for one in find(misp) if one == "third-written.com"])
    published = misp.publish(event)
    good("it is published", [published] * (not published.get("saved") or published["watchfire"]["released"] != 3))
    for query in [{"value": "written-lure.com"}, {"tags": "written-campaign", "type_attribute": "domain"}]:
        good(f"others find it by {query}", [find(other, **query)] * ("written-lure.com" not in find(other, **query)))
    own = misp.get_event(event.uuid, pythonify=True)
    good("it is found under its own id", [repr(own)] * (not own.published or len(own.attributes) != 3))
    text = node.fetch("/export/text", node.consumer("written", "--tlp-max", "green")).decode()
    good("it is in the exports", ["no"] * ("written-lure.com" not in text) + ["the third is"] * ("third-written.com" in text))
    own.add_attribute("domain", "fourth-written.com")
    # What says of itself that it is published is, as with MISP.
    own.unpublish()
    updated = misp.update_event(own, pythonify=True)
    good("an update is a draft", [repr(updated)] * (not isinstance(updated, MISPEvent) or updated.published) + find(other, value="fourth-written.com"))
    published = misp.publish(own)
    good("it is published again", [published] * (not published.get("saved")))
    good("then it is out", ["no"] * (find(other, value="fourth-written.com") != ["fourth-written.com"]))
    gone = next(one for one in own.attributes if one.value == "written-lure.com")
    deleted = misp.delete_attribute(gone)
    good("what was said is taken back", [deleted] * (not deleted.get("saved")) + find(other, value="written-lure.com"))
    refused = other.add_event(event)
    good("a token that only reads adds nothing", [refused] * (refused.get("errors", [0])[0] != 403))
    partner = Partner(node, scratch)
    try:
        partner.share("partners-lure.com", "green")
        partner.share("partners-secret.com", "amber")
        end = time.monotonic() + 60
        while not find(misp, value="partners-lure.com"):
            if time.monotonic() > end:
                good("the partner's value comes", ["it does not"])
            time.sleep(0.2)
        sighting = MISPSighting()
        sighting.from_dict(value="partners-lure.com", type="0", source="a sensor")
        said = misp.add_sighting(sighting)
        good("a sighting by value", [said] * ("errors" in said))
        seen = misp.search(controller="attributes", value="partners-lure.com", pythonify=True)[0]
        said = misp.add_sighting({"type": "1"}, seen)
        good("a false positive by attribute", [said] * ("errors" in said))
        said = misp.add_sighting({"type": "2", "id": str(seen.id)}, pythonify=True)
        good("and that it is over", [repr(said)] * (not isinstance(said, MISPSighting)))
        hidden = misp.add_sighting({"value": "partners-secret.com"})
        good("what it may not see is not there", [hidden] * (hidden.get("errors", [0])[0] != 404))
    finally:
        partner.stop()


def part_blocking(node, token):
    """Nothing that everybody uses stands in what blocks."""
    texts = {path: node.fetch(f"/export/{path}", token).decode() for path in ["rpz.zone", "hosts", "dnsmasq.conf", "adblock.txt"]}
    texts |= {form: plain(node.files(form, token, scratch / f"blocking-{form}")) for form in ["suricata", "sigma", "lists"]}

    def there(text, value):
        return re.search(rf"(?<![\w.-])(?:\*\.|\.)?{re.escape(value)}(?![\w.-])", text)

    # Of a page that is all of its host, the host must be in none either.
    hosts = EVERYBODYS + [value.removeprefix("https://").rstrip("/") for kind, value in SHARED if kind == "url"]
    # These name single hosts, and hit nothing below.
    single = ["hosts", "lists"]
    found = [f"{value} in {name}" for name, text in texts.items() for value in hosts if there(text, value)]
    good("nothing that everybody uses", [one for one in found if one not in [f"{BELOW_IT_LISTED} in {name}" for name in single]])
    good("a name above a listed one where it stands for itself", [name for name in single if not there(texts[name], BELOW_IT_LISTED)])
    everything = {path: node.fetch(f"/export/{path}", token).decode() for path in ["text", "csv"]}
    missing = [value for value in EVERYBODYS if not all(there(text, value) for text in everything.values())]
    good("where nothing is blocked all of it is there", missing)
    for value in hosts:
        caught(f"{value} in a list", [value] * bool(there(texts["hosts"] + f"0.0.0.0 {value}\n", value)))
    below = ["evil.github.io", "evil.wordpress.com"]
    good("what is below one is there", [f"{value} in {name}" for name, text in texts.items() for value in below if not there(text, value)])


def part_atom(node, token):
    import feedparser

    def read(text):
        found = feedparser.parse(text)
        wrong = [str(found.bozo_exception)] if found.bozo else []
        wrong += [f"no {field}" for entry in found.entries for field in ("id", "title", "updated_parsed", "author") if not entry.get(field)]
        return wrong + ["no feed id"] * (not found.feed.get("id")), found.entries

    wrong, entries = read(node.fetch("/export/alerts.atom", token))
    good("a feed without alerts is one", wrong + entries)
    warned = Partner(node, scratch, "warned")
    try:
        for tlp, headline in [("green", HEADLINE), ("amber", "not for feeds")]:
            texts = ["--headline", headline, "--advice", "sign in by the address that you know", "--indicator", "alert-lure.com"]
            node.run("alert", "publish", "--to", "warned", "--tlp", tlp, "--incident", "malware", *texts)
        end = time.monotonic() + 60
        while node.run("alert", "list", "--json").count('"headline"') < 2:
            if time.monotonic() > end:
                good("the alerts are out", ["they are not"])
            time.sleep(0.2)
    finally:
        warned.stop()
    full = node.fetch("/export/alerts.atom", token)
    wrong, entries = read(full)
    good("a feed reader reads the alert", wrong + [entry.title for entry in entries if HEADLINE not in entry.title] + [len(entries)] * (len(entries) != 1))
    said = "".join(part.value for entry in entries for part in entry.get("content", [])) + "".join(entry.get("summary", "") for entry in entries)
    good("with what to do", [said] * ("sign in by the address" not in said))
    caught("an entry without an id", read(re.sub(rb"(<entry>.*?)<id>.*?</id>", rb"\1", full, flags=re.DOTALL))[0])
    caught("a feed without its end", read(full.replace(b"</feed>", b""))[0])


# TAXII

def once(seen, wanted):
    """What a walk saw twice, or not at all."""
    doubles = {one for one in seen if seen.count(one) > 1}
    return [f"twice: {one}" for one in doubles] + [f"not seen: {one}" for one in wanted - set(seen)] + [f"not there: {one}" for one in set(seen) - wanted]


def part_taxii(node, _token):
    import requests
    from taxii2client.v21 import Server, as_pages

    token = node.consumer("cti", "--scope", "taxii,export", "--tlp-max", "green")
    sign_in = {"user": "cti", "password": token, "verify": str(node.data / "https/cert.pem")}
    collection = Server(node.url("/taxii2/"), **sign_in).default.collections[0]
    seen, pages, came = [], 0, 0
    for page in as_pages(collection.get_objects, per_request=7):
        seen += [one["id"] for one in page.get("objects", [])]
        pages += 1
        if pages <= 12:
            # What it may see and what it may not, behind its back.
            came += node.share(f"walked-{pages}.com\nwalked-more-{pages}.com\n", "green", "text")
            node.share(f"walked-hidden-{pages}.com\n", "amber", "text")
    wanted = {one["id"] for one in json.loads(node.fetch("/export/stix.json", token))["objects"]}
    good("each object once, while others come", once(seen, wanted) + [f"{came} came"] * (came != 24) + [f"{pages} pages"] * (pages < 12))
    print(f"taxii: {len(seen)} objects in {pages} pages, {came} of which came meanwhile")
    caught("an object that is left out", once(seen[1:], wanted))
    caught("one that comes twice", once([*seen, seen[0]], wanted))
    refused = requests.get(node.url("/taxii2/"), headers={"Accept": "application/taxii+json;version=2.1"}, verify=sign_in["verify"], timeout=30)
    good("nobody else gets in", [refused.status_code] * (refused.status_code != 401))


def said(number, value):
    """An indicator as a producer writes it."""
    return {
        "type": "indicator", "spec_version": "2.1", "id": f"indicator--00000000-0000-4000-8000-{number:012}", "created": "2026-01-01T00:00:00Z",
        "modified": "2026-01-02T00:00:00Z", "pattern": f"[domain-name:value = '{value}']", "pattern_type": "stix", "valid_from": "2026-01-01T00:00:00Z",
    }


def part_taxii_add(node, _token):
    from taxii2client.v21 import Server

    token = node.consumer("sender", "--scope", "taxii,produce", "--tlp-max", "green", "--group", "circle", "--to", "circle", "--tlp", "green")
    sign_in = {"user": "sender", "password": token, "verify": str(node.data / "https/cert.pem")}
    everything, circle = Server(node.url("/taxii2/"), **sign_in).default.collections
    status = circle.add_objects({"objects": [said(1, "added-lure.com"), said(2, "added-more.com"), said(3, "no domain")]}, wait_for_completion=True, timeout=30)
    counts = (status.status, status.total_count, status.success_count, status.failure_count, status.pending_count, len(status.failures))
    good("objects are added, with a status", [] if counts == ("complete", 3, 2, 1, 0, 1) else [counts])
    patterns = {one.get("pattern") for one in everything.get_objects()["objects"]}
    good("and are there", [] if {"[domain-name:value = 'added-lure.com']", "[domain-name:value = 'added-more.com']"} <= patterns else ["not there"])
    refused = "nothing"
    try:
        everything.add_objects({"objects": [said(4, "stray-lure.com")]})
    except Exception as error:  # The client has errors of its own.
        refused = type(error).__name__
    good("only where it may", [refused] * (refused != "AccessError"))


# REST

class Described:
    """Holds answers against what a description names for their path, method, status and media type. What it does not name may not be in one."""

    def __init__(self, told):
        import datetime

        from jsonschema import Draft202012Validator, FormatChecker
        from referencing import Registry, Resource
        from referencing.jsonschema import DRAFT202012

        self.told = self._closed(told)
        registry = Registry().with_resource("urn:told", Resource(self.told, DRAFT202012))
        formats = FormatChecker(["uuid"])
        # Times need a package of their own else.
        is_time = lambda text: not isinstance(text, str) or datetime.datetime.fromisoformat(text).tzinfo is not None
        formats.checks("date-time", raises=ValueError)(is_time)
        self.of = lambda at: Draft202012Validator({"$ref": f"urn:told#{at}"}, registry=registry, format_checker=formats)

    def _closed(self, told):
        if isinstance(told, list):
            return [self._closed(one) for one in told]
        if not isinstance(told, dict):
            return told
        told = {key: self._closed(one) for key, one in told.items()}
        return {"additionalProperties": False, **told} if told.get("type") == "object" and "properties" in told else told

    def wrong(self, path, answer):
        method, media = answer.request.method.lower(), answer.headers.get("Content-Type", "")
        there, at = self.told, ""
        for part in ["paths", path, method, "responses", str(answer.status_code)]:
            # A status that is not named is an error of the usual kind.
            part = part if part in there or at.count("/") != 4 else "default"
            there, at = there[part], f"{at}/{part.replace('~', '~0').replace('/', '~1')}"
        if "$ref" in there:
            at = there["$ref"].removeprefix("#")
            there = self.told["components"]["responses"][at.rsplit("/", 1)[1]]
        if "content" not in there:
            return ["a body"] * bool(answer.content)
        if media not in there["content"]:
            return [f"{path}: {media!r} is not described for {answer.status_code}"]
        schema = self.of(f"{at}/content/{media.replace('/', '~1')}/schema")
        read = [json.loads(line) for line in answer.text.splitlines()] if media == "application/x-ndjson" else [answer.json()]
        return [f"{method} {path} {answer.status_code}: {error.json_path}: {error.message}"[:300] for one in read for error in schema.iter_errors(one)]


def part_openapi(node, token):
    import requests
    from openapi_spec_validator import OpenAPIV31SpecValidator

    token = node.consumer("api", "--scope", "api", "--tlp-max", "green")
    told = json.loads(node.fetch("/api/v1/openapi.json", token))
    wrong = lambda told: [error.message for error in OpenAPIV31SpecValidator(told).iter_errors()]
    good("the description is OpenAPI 3.1", wrong(told))
    broken = json.loads(json.dumps(told))
    del broken["paths"]["/api/v1/lookup"]["get"]["responses"]
    broken["paths"]["/api/v1/submissions/{id}"]["get"]["parameters"] = []
    caught("one that leaves out a parameter of its path", wrong(broken))
    lines = [json.loads(line) for line in node.fetch("/api/v1/indicators", token).splitlines()]
    values = {one["value"] for one in lines if one["type"] == "indicator"}
    listed = set(node.fetch("/export/text", node.consumer("text", "--tlp-max", "green")).decode().splitlines())
    good("the lines have what the list has", sorted(values ^ listed)[:5])

    # Its answers are as it says.
    described, held, session = Described(told), [], requests.Session()
    writer = node.consumer("api-writer", "--scope", "api,produce,sight", "--tlp-max", "green", "--to", "circle", "--tlp", "green")

    def ask(method, path, status, token=writer, described=described, at=None, **more):
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        url = node.url(path.replace("{id}", at or ""))
        answer = session.request(method, url, headers=headers, verify=str(node.data / "https/cert.pem"), timeout=60, **more)
        good(f"{method} {path} is answered by {status}", [f"{answer.status_code}: {answer.text[:200]}"] * (answer.status_code != status))
        good(f"{method} {path} is answered as described", described.wrong(path, answer))
        held.append(answer)
        return answer

    # Of all that an indicator may say.
    full = {"value": "said-lure.com", "kind": "domain", "confidence": 70, "labels": ["a campaign"], "note": "seen by two", "source": "a desk"}
    full |= {"pap": "amber", "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2126-01-01T00:00:00Z"}
    posted = ask("POST", "/api/v1/indicators", 200, json=[full, {"value": "no value of any kind"}], headers={"Idempotency-Key": "once"}).json()
    good("one is said, the other is not", [posted] * ((posted["released"], posted["invalid"], len(posted["problems"])) != (1, 1, 1)))
    again = ask("GET", "/api/v1/submissions/{id}", 200, at=posted["id"]).json()
    good("it is told again", [again] * (again != posted))
    kinds = lambda answer: [json.loads(line)["type"] for line in answer.text.splitlines()]
    first = ask("GET", "/api/v1/indicators", 200, params={"limit": 1_000})
    cursor = json.loads(first.text.splitlines()[-1])["cursor"]
    end, said = time.monotonic() + 60, {}
    while "note" not in said:
        good("what was said is there", ["it is not"] * (time.monotonic() > end))
        said = next((one for one in map(json.loads, ask("GET", "/api/v1/indicators", 200).text.splitlines()) if one.get("value") == "said-lure.com"), {})
        time.sleep(0.2)
    missing = {"valid_from", "valid_until", "confidence", "labels", "note", "source"} - set(said)
    good("with all that it says", sorted(missing))
    cursor = json.loads(ask("GET", "/api/v1/indicators", 200, params={"cursor": cursor}).text.splitlines()[-1])["cursor"]
    for value, count in [("said-lure.com", 1), ("never-said.com", 0)]:
        found = ask("GET", "/api/v1/lookup", 200, params={"value": value}).json()["matches"]
        good(f"{value} is looked up", [found] * (len(found) != count))
    ask("POST", "/api/v1/sightings", 200, json=[{"value": "said-lure.com", "type": "seen", "count": 2}, {"value": "never-said.com"}])
    ask("DELETE", "/api/v1/indicators", 204, params={"value": "said-lure.com", "reason": "a mistake"})
    removed = ask("GET", "/api/v1/indicators", 200, params={"cursor": cursor})
    good("what went is told", kinds(removed) * (kinds(removed) != ["removed", "cursor"]))
    partner = Partner(node, scratch, "alerted")
    try:
        texts = ["--headline", "for programs", "--advice", "hang up", "--indicator", "alert-lure.org", "--country", "NL"]
        node.run("alert", "publish", "--to", "alerted", "--tlp", "green", "--incident", "malware", *texts)
        while "alert-lure.org" not in (alerts := ask("GET", "/api/v1/alerts", 200).text):
            good("an alert is there", [alerts] * (time.monotonic() > end))
            time.sleep(0.2)
    finally:
        partner.stop()
    ask("GET", "/api/v1/openapi.json", 200)
    # Problems.
    ask("GET", "/api/v1/indicators", 401, token="wf_" + "x" * 43)
    ask("GET", "/api/v1/indicators", 400, params={"limit": "many"})
    ask("GET", "/api/v1/indicators", 410, params={"cursor": "none"})
    ask("GET", "/api/v1/lookup", 400)
    ask("POST", "/api/v1/indicators", 403, token=token, json=[])
    ask("POST", "/api/v1/indicators", 415, data=b"x", headers={"Content-Type": "image/png"})
    ask("POST", "/api/v1/indicators", 422, json=[full], headers={"Idempotency-Key": "once"})
    ask("POST", "/api/v1/sightings", 400, data=b"{", headers={"Content-Type": "application/json"})
    ask("DELETE", "/api/v1/indicators", 404, params={"value": "never-said.com"})
    ask("GET", "/api/v1/submissions/{id}", 404, at="00000000-0000-4000-8000-000000000000")
    print(f"openapi: {len(held)} answers are as described, of {len({(one.request.method, one.status_code, one.headers.get('Content-Type')) for one in held})} forms")

    # Each of these is a description that the answers do not keep to.
    def against(answer, path, change):
        other = json.loads(json.dumps(told))
        change(other["components"]["schemas"], other["paths"][path][answer.request.method.lower()]["responses"])
        return Described(other).wrong(path, answer)

    def changed(name, **more):
        return lambda schemas, _: schemas[name].update(more)

    indicators, submissions = "/api/v1/indicators", "/api/v1/submissions/{id}"
    caught("a line without a field that is required", against(first, indicators, changed("Indicator", required=["type", "colour"])))
    caught("a field that is not named", against(first, indicators, lambda schemas, _: schemas["Indicator"]["properties"].pop("author")))
    caught("a kind of line that is not named", against(removed, indicators, changed("Removed", properties={"type": {"const": "gone"}})))
    caught("a word that is none of the enumeration", against(first, indicators, changed("Tlp", enum=["red"])))
    caught("a number that is a text", against(next(one for one in held if one.url.endswith(posted["id"])), submissions, changed("Submission", properties={"id": {"type": "integer"}})))
    caught("a problem of another form", against(held[-1], submissions, changed("Problem", required=["colour"])))
    no_json = lambda _, responses: responses["200"].update(content={"text/csv": {}})
    caught("another media type", against(first, indicators, no_json))


# Last, since most others would have them, too

class Pushed:
    """A MISP server as far as what is written into it needs one: it takes all, and says so."""

    def __init__(self):
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        written = self.written = []

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                written.append((self.path, json.loads(body)))
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def taken(written):
    """What PyMISP, and the schema that comes with it, have against events that were written; and the attributes, by their UUIDs, as PyMISP has them."""
    import pymisp
    from jsonschema import Draft4Validator

    schema = json.loads((pathlib.Path(pymisp.__file__).parent / "data/schema.json").read_text())
    # It is older than these two.
    schema["defs"]["attribute"]["properties"] |= {"first_seen": {"type": "string"}, "last_seen": {"type": "string"}}
    schema = Draft4Validator(schema)
    wrong, attributes = [], {}
    for path, body in written:
        wrong += [f"{path}: {error.json_path}: {error.message}"[:300] for error in schema.iter_errors(body)]
        event = pymisp.MISPEvent()
        try:
            # It takes apart what it is given.
            event.load(json.dumps(body))
        except Exception as error:  # whatever it dies of
            wrong.append(f"{path}: {error!r}")
            continue
        # It leaves out tags and what else it does not take without a word.
        kept = json.loads(event.to_json())
        wrong += [f"{path}: {key} is {kept.get(key)!r}, not {value!r}" for key, value in body["Event"].items() if key not in ("Attribute", "Tag") and str(kept.get(key)) != str(value)]
        tags = {tag["name"] for tag in body["Event"].get("Tag", [])}
        wrong += [f"{path}: tags {sorted(tags)}"] * ({tag.name for tag in event.tags} != tags)
        wrong += [f"{path}: {len(event.attributes)} attributes"] * (len(event.attributes) != len(body["Event"]["Attribute"]))
        attributes |= {one.uuid: (event, one) for one in event.attributes}
    return wrong, attributes


def part_misp_push(node, _token):
    """PyMISP reads what is written into a MISP server."""
    import jsonschema as _
    import pymisp as _

    misp, key = Pushed(), scratch / "misp-key"
    key.write_text("k" * 40)
    key.chmod(0o600)
    wanted, _ = attributes_of(node.files("misp", node.consumer("pushed", "--tlp-max", "green", "--group", "circle"), scratch / "misp-pushed"))
    node.run("feed", "add", "hub-out", misp.url, "--kind", "misp-push", "--group", "circle", "--allow-local", "--secret-file", str(key))
    end = time.monotonic() + 60
    # It is run at once, by itself.
    while node.json("feed", "show", "hub-out")["succeeded"] is None:
        good("it is written", [node.run("feed", "show", "hub-out")] * (time.monotonic() > end))
        time.sleep(0.2)
    written = list(misp.written)
    wrong, found = taken(written)
    good("PyMISP takes what is written", wrong + [path for path, _ in written if path != "/events/add"])
    told = lambda event, one: (event.info, one.type, one.category, one.value, tuple(sorted(tag.name for tag in one.tags)))
    there = {uuid: told(*one) for uuid, one in found.items()}
    good("it is what the feed has", [f"{uuid}: {there.get(uuid)}, not {wanted.get(uuid)}" for uuid in {*there, *wanted} if there.get(uuid) != wanted.get(uuid)])
    values = [one.value for _, one in found.values()]
    # Some of them in a pattern.
    good("each value is in it", [value for value in PLANTED if not any(value in one.replace("\\\\", "\\") for one in values)])
    good("and nothing above the ceiling", [HIDDEN] * any(HIDDEN in one for one in values))
    labelled = lambda event, one: "tlp:green" in {tag.name for tag in one.tags} and "tlp:green" in {tag.name for tag in event.tags}
    good("each with its label", [(event.info, [tag.name for tag in event.tags], one.value, [tag.name for tag in one.tags]).value for event, one in found.values() if not labelled(event, one)])
    tags = next({tag.name for tag in one.tags} for _, one in found.values() if one.value == "fresh-lure.com")
    good("its campaign and how sure one is", [tags] * (not {"hit domain", 'admiralty-scale:information-credibility="2"'} <= tags))
    print(f"misp-push: {len(found)} attributes in {len(written)} events")
    # What is taken back is deleted by the id under which it was written.
    gone = next(uuid for uuid, (_, one) in found.items() if one.value == "evil.wordpress.com")
    node.run("withdraw", "evil.wordpress.com", "--reason", "it has a new owner")
    node.run("feed", "run", "hub-out")
    later = misp.written[len(written):]
    deleted = [(path, one.get("uuid"), one.get("deleted")) for path, body in later for one in body["Event"]["Attribute"]]
    good("what is taken back is deleted", [deleted] * (deleted != [(f"/events/edit/{found[gone][0].uuid}", gone, True)]))
    for what, change in [
        ("a type that is none", lambda event: event["Attribute"][0].update(type="dommain")),
        ("a category that is none", lambda event: event["Attribute"][0].update(category="Lures")),
        ("a field that is none", lambda event: event.update(colour="red")),
        ("a flag that is a text", lambda event: event["Attribute"][0].update(to_ids="1")),
    ]:
        broken = json.loads(json.dumps(written[:1]))
        change(broken[0][1]["Event"])
        caught(what, taken(broken)[0])


def attributes_of(folder):
    """By UUID what a feed says of each value, as it stands in its files; and how many events there are."""
    files = [json.loads(file.read_text())["Event"] for file in folder.glob("*-*.json")]
    tags = lambda one: tuple(sorted(tag["name"] for tag in one.get("Tag", [])))
    rows = {one["uuid"]: (event["info"], one["type"], one["category"], one["value"], tags(one)) for event in files for one in event["Attribute"] if not one.get("deleted")}
    return rows, len(files)


def part_stix_life(node, _token):
    """What has been withdrawn, and what was met."""
    partner = Partner(node, scratch, "meets")
    try:
        partner.share("partners-met.com", "green")
        node.run("share", "ours-met.com", "--tlp", "green", "--to", "meets", "--now")
        node.run("share", "ours-withdrawn.com", "--tlp", "green", "--to", "meets", "--now")
        end = time.monotonic() + 60
        held = lambda run, value: '"live"' in run("lookup", value, "--json")
        while not (held(node.run, "partners-met.com") and held(partner.run, "ours-met.com") and held(partner.run, "ours-withdrawn.com")):
            good("they come", ["they do not"] * (time.monotonic() > end))
            time.sleep(0.2)
        node.run("withdraw", "ours-withdrawn.com", "--reason", "a mistake")
        node.run("sighting", "add", "partners-met.com", "--count", "3")
        partner.run("sighting", "add", "ours-met.com", "--count", "12")
        exported = lambda: json.loads(node.run("export", "stix", "--tlp-max", "amber+strict"))["objects"]
        while sum(one["type"] == "sighting" for one in exported()) < 2:
            good("what was met is in it", ["it is not"] * (time.monotonic() > end))
            time.sleep(0.2)
    finally:
        partner.stop()
    whole = node.run("export", "stix", "--tlp-max", "amber+strict")
    objects = json.loads(whole)["objects"]
    by_pattern = {one["pattern"]: one for one in objects if one["type"] == "indicator"}
    ids = {value: by_pattern[f"[domain-name:value = '{value}']"]["id"] for value in ["partners-met.com", "ours-met.com", "ours-withdrawn.com"]}
    met = {one["sighting_of_ref"]: (one["count"], bool(one.get("created_by_ref"))) for one in objects if one["type"] == "sighting"}
    good("both are counted, ours by us", [met] * (met != {ids["partners-met.com"]: (3, True), ids["ours-met.com"]: (12, False)}))
    revoked = lambda objects: {one["id"] for one in objects if one.get("revoked")}
    good("what was withdrawn is revoked", [revoked(objects)] * (ids["ours-withdrawn.com"] not in revoked(objects)))
    good("the validator passes the bundle", validated(whole))
    caught("a sighting of nothing", validated(whole.replace('"sighting_of_ref"', '"sighting_off_ref"')))
    caught("a count that is a text", validated(re.sub(r'"count":\s*12', '"count":"12"', whole)))
    caught("a `revoked` that is a text", validated(re.sub(r'"revoked":\s*true', '"revoked":"true"', whole)))
    token = node.consumer("pages", "--scope", "taxii,export", "--tlp-max", "green")
    # What programs fetch, as a file and as pages of a collection.
    fetched = node.fetch("/export/stix.json", token).decode()
    good("the validator passes what is fetched", validated(fetched))
    collection = json.loads(node.fetch("/taxii2/watchfire/collections/", token))["collections"][0]["id"]
    seen, more = [], ""
    while more is not None:
        page = json.loads(node.fetch(f"/taxii2/watchfire/collections/{collection}/objects/?limit=40{more}", token))
        seen += page["objects"]
        bundle = {"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": page["objects"]}
        good("the validator passes a page of a collection", validated(json.dumps(bundle)))
        more = f"&next={page['next']}" if page.get("more") else None
    good("what was withdrawn is on a page, revoked", [len(seen)] * (ids["ours-withdrawn.com"] not in revoked(seen)))
    good("the pages have what the file has", once([one["id"] for one in seen], {one["id"] for one in json.loads(fetched)["objects"]}))
    broken = [{**one, "revoked": "true"} if one.get("revoked") else one for one in seen]
    bundle = {"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": broken}
    caught("a `revoked` on a page that is a text", validated(json.dumps(bundle)))
    print(f"stix: {len(objects)} objects, {len(revoked(objects))} revoked, {len(met)} sightings; {len(seen)} objects on pages")


USED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


def loaded_by_suricata(rules):
    """Seconds of its own time and MB that Suricata needs to load rules, and what is wrong."""
    command = [program("suricata"), "-T", "-S", f"{rules}/*.rules", "-l", str(scratch), "--set", f"default-rule-path={rules}"]
    # Of its parent it inherits the most memory, so that is a small one.
    done = run(sys.executable, "-c", USED, *command, cwd=rules)
    seconds, memory = done.stdout.split()[-2:] if done.returncode == 0 else (0, 0)
    return float(seconds), float(memory) / 1024, [(done.stdout + done.stderr)[-500:]] * (done.returncode != 0)


def part_suricata_many(node, _token):
    """Ten times the names cost Suricata next to nothing: they are a list, and no rules."""
    program("suricata")
    node.run("group", "create", "names", "--community", "--member", "other")
    token = node.consumer("names", "--tlp-max", "amber", "--group", "names")
    share = lambda some: node.json("import", "-", "--format", "text", "--tlp", "amber", "--to", "names", "--now", into="".join(some))["released"]
    name = lambda number: f"lure-{number}.planted-{number % 97}.com"

    def measured(rules, what):
        seconds, memory, wrong = loaded_by_suricata(rules)
        good(f"suricata -T takes {what}", wrong)
        print(f"suricata: {what}: {seconds:.2f} s of its own time, {memory:.0f} MB at the most")
        return seconds, memory

    found = []
    for begin, end in [(0, 1_000), (1_000, 10_000)]:
        released = share(f"{name(number)}\n" for number in range(begin, end))
        good(f"{end} names are shared", [released] * (released != end - begin))
        rules = node.files("suricata", token, scratch / f"suricata-{end}")
        lines = (rules / "watchfire-names.lst").read_text().splitlines()
        good(f"{end} are in the list", [len(lines)] * (len(lines) != end))
        found.append(measured(rules, f"{end:,} names"))
    each = scratch / "suricata-each"
    each.mkdir()
    rule = 'alert dns any any -> any any (msg:"one"; dns.query; to_lowercase; content:"{}"; endswith; sid:{};)\n'
    (each / "each.rules").write_text("".join(rule.format(name(number), 1_000_000 + number) for number in range(10_000)))
    few, many = found
    dear = lambda one: [f"{now:.2f} after {before:.2f}" for now, before in zip(one, few) if now > 3 * before]
    good("10,000 names take less than three times what 1,000 take, in time and memory", dear(many))
    caught("a rule for each name", dear(measured(each, "10,000 names with a rule each")))


BY_TURNS = """
import glob, logging, os, sys, time
logging.disable(logging.CRITICAL)
from mvt.common.indicators import Indicators
best = {folder: 1e9 for folder in sys.argv[1:]}
for _ in range(5):
    for folder in best:
        found, began = Indicators(log=logging.getLogger("x")), time.process_time()
        found.load_indicators_files(sorted(glob.glob(os.path.join(folder, "*.stix2"))), load_default=False)
        best[folder] = min(best[folder], time.process_time() - began)
        assert found.total_ioc_count == 10_000, (folder, found.total_ioc_count)
print(*best.values())
"""


def ruler(folder, count):
    """As many indicators in the plainest files of a thousand that MVT reads: one name, one pattern for each. What time is measured by."""
    folder.mkdir()
    named = lambda kind, number: f"{kind}--00000000-0000-4000-8000-{number:012}"
    base = {"spec_version": "2.1", "created": "2026-01-01T00:00:00Z", "modified": "2026-01-01T00:00:00Z"}
    for begin in range(0, count, 1_000):
        objects = [{**base, "type": "malware", "id": named("malware", begin), "name": "a name", "is_family": True}]
        for number in range(begin, min(begin + 1_000, count)):
            pattern = {"pattern": f"[domain-name:value='lure-{number}.com']", "pattern_type": "stix", "valid_from": base["created"]}
            refs = {"source_ref": named("indicator", number), "target_ref": named("malware", begin), "relationship_type": "indicates"}
            objects.append({**base, "type": "indicator", "id": named("indicator", number), **pattern})
            objects.append({**base, "type": "relationship", "id": named("relationship", number), **refs})
        (folder / f"{begin:05}.stix2").write_text(json.dumps({"type": "bundle", "id": named("bundle", begin), "objects": objects}))
    return folder


def merged(shards, folder, several):
    """The same in files that are as many times as long."""
    folder.mkdir()
    files = sorted(shards.iterdir())
    for begin in range(0, len(files), several):
        bundle = json.loads(files[begin].read_text())
        bundle["objects"] = [one for file in files[begin : begin + several] for one in json.loads(file.read_text())["objects"]]
        (folder / f"{begin:05}.stix2").write_text(json.dumps(bundle))
    return folder


def part_fifty_thousand(node, _token):
    import mvt as _
    token = node.consumer("many", "--tlp-max", "amber", "--group", "circle")
    wanted = 50_000
    released = node.share("".join(f"lure-{number}.planted-{number % 97}.com\n" for number in range(wanted)), "amber", "text")
    good("50,000 values are shared", [] if released == wanted else [released])
    shards = node.files("mvt", token, scratch / "many")
    total = sum(file.read_text().count('"type":"indicator"') for file in shards.iterdir())
    good("they are in the export", [] if total >= wanted else [total])
    wrong, each = loaded(shards, total, scratch)
    good("MVT loads 50,000", wrong)
    some = scratch / "some"
    some.mkdir()
    # The last ones are of these 50,000 alone.
    for file in sorted(shards.iterdir())[-11:-1]:
        shutil.copy(file, some)
    folders = [some, ruler(scratch / "ruler", 10_000), merged(some, scratch / "longer", 5)]
    done = run(sys.executable, "-c", BY_TURNS, *folders, env={"HOME": str(scratch), "MVT_DATA_FOLDER": str(scratch), "PATH": os.environ["PATH"]})
    good("MVT loads them by turns", [done.stderr[-300:]] * (done.returncode != 0))
    ours, plain_ones, longer = (1_000 * float(one) / 10_000 for one in done.stdout.split())
    print(f"mvt: each takes {ours / plain_ones:.2f} of what it takes in the plainest files, {longer / plain_ones:.2f} in files five times as long")
    slow = lambda each, most=2: [f"{each:.4f} ms for each, {plain_ones:.4f} ms in the plainest files"] * (each > most * plain_ones)
    good("each takes twice what it takes in the plainest files of a thousand at the most", slow(ours))
    # Its loader is quadratic in a file: what short files are for.
    caught("files five times as long", slow(longer))
    # This one is measured once, beside whatever else the machine does.
    good("among 50,000 each takes not much more than among 10,000", slow(each, 4))


PARTS = {name.removeprefix("part_"): one for name, one in list(globals().items()) if name.startswith("part_")}


def main():
    wanted = sys.argv[3:] or list(PARTS)
    unknown = set(wanted) - set(PARTS)
    if unknown:
        sys.exit(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    node = Node(binary, scratch)
    try:
        rows = [(kind, value, f"hit {name}") for name, (kind, value) in FOR_MVT.items()]
        rows += [(kind, value, "") for kind, value in MORE + SHARED + [("domain", one) for one in SUFFIXES]]
        rows += [("ipv4" if one[0].isdigit() else "domain", one, "") for one in [*LISTED, BELOW_IT_LISTED]]
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerows([("value", "type", "campaign", "confidence"), *((value, kind, campaign, 75) for kind, value, campaign in rows)])
        released = node.share(out.getvalue(), "green")
        good("all that is planted is shared", [released] * (released != len(rows)))
        node.share(f"{HIDDEN}\n", "amber", "text")
        warn = scratch / "list.json"
        warn.write_text(json.dumps({"name": "what everybody uses", "version": 1, "type": "string", "list": [*LISTED, LISTED_BELOW], "matching_attributes": ["domain", "ip-dst"]}))
        node.run("warninglist", "import", str(warn))
        token = node.consumer("lab", "--tlp-max", "green")
        for name in wanted:
            began = time.monotonic()
            try:
                PARTS[name](node, token)
                print(f"ok: {name}, {time.monotonic() - began:.1f} s")
            except (Missing, ImportError) as error:
                say_skipped(name, str(error))
    finally:
        node.stop()
    print(f"{passed} passed, 0 failed, {len(skipped)} skipped")


main()

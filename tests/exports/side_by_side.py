#!/usr/bin/env python3
"""A node's TAXII beside medallion 3.0.0 (in memory) and OpenTAXII 0.9.3 (SQLite), in one run, one after the other, on loopback.

Usage: side_by_side.py BINARY SCRATCH MEDALLION_VENV OPENTAXII_VENV [N]   (tests/exports/side_by_side installs both)

The same N objects (100,000 where nothing is said), taken from the node's own bundle, in pages of 1,000 over one connection, which is TLS 1.3 with the node and plain with the others: all
of them are fetched, polled with nothing new, looked up one by one by their ids; then 100 are added, until a poll has them. A walk that takes more than BUDGET seconds is stopped
and its rate told of what was done by then. A server that does not answer within PATIENCE seconds gets a tenth of the objects, and so on: its figures are of those."""

import base64
import datetime
import http.client
import json
import os
import pathlib
import random
import socket
import ssl
import statistics
import subprocess
import sys
import time
import urllib.parse
import uuid

from measure import made
from node import Node

MEDIA = "application/taxii+json;version=2.1"
PAGE, BUDGET, PATIENCE, ADDED, TIMES = 1_000, 120, 60, 100, 30
COLLECTION = "b7dc78af-1d12-4059-898c-3f0e77636204"
MEDALLION, OPENTAXII = pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])


class Client:
    """One connection, opened anew where the server closes it."""

    def __init__(self, port, objects, user, password, trusted=None):
        self.port, self.objects, self.trusted, self.connection = port, objects, trusted, None
        self.headers = {"Accept": MEDIA, "Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}

    def ask(self, more="", body=None):
        for last in (False, True):
            if self.connection is None:
                self.connection = (
                    http.client.HTTPSConnection("localhost", self.port, timeout=PATIENCE, context=self.trusted)
                    if self.trusted
                    else http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
                )
            try:
                headers = self.headers | ({"Content-Type": MEDIA} if body else {})
                self.connection.request("POST" if body else "GET", self.objects + more, body=body, headers=headers)
                answer = self.connection.getresponse()
                text = answer.read()
                if answer.status >= 300:
                    sys.exit(f"FAIL: {self.objects}{more}: {answer.status} {text[:200]}")
                return answer.headers, json.loads(text)
            except (http.client.HTTPException, ConnectionError):
                self.connection = None
                if last:
                    raise

    def walk(self):
        """Objects, seconds, whether that was all, and when the last one came."""
        began, count, more = time.monotonic(), 0, ""
        while True:
            headers, page = self.ask(f"?limit={PAGE}{more}")
            count += len(page.get("objects", []))
            newest = headers.get("X-TAXII-Date-Added-Last")
            if not page.get("more"):
                return count, time.monotonic() - began, True, newest
            if time.monotonic() - began > BUDGET:
                return count, time.monotonic() - began, False, newest
            more = f"&next={urllib.parse.quote(page['next'])}"

    def poll(self, newest):
        return len(self.ask(f"?limit={PAGE}&added_after={urllib.parse.quote(newest)}")[1].get("objects", []))


def timed(work, times=TIMES):
    """Median, in milliseconds."""
    def once():
        began = time.monotonic()
        work()
        return (time.monotonic() - began) * 1_000

    end, all_of_them = time.monotonic() + BUDGET / 4, []
    while len(all_of_them) < times and (not all_of_them or time.monotonic() < end):
        all_of_them.append(once())
    return statistics.median(all_of_them)


def measured(name, client, ids, newest, add):
    count, seconds, is_all, last = client.walk()
    if is_all and count < len(ids):
        sys.exit(f"FAIL: {name} has {count} objects")
    newest = newest or last
    if client.poll(newest):
        sys.exit(f"FAIL: {name} has something new where nothing is")
    polled = timed(lambda: client.poll(newest))
    some = iter(random.Random(7).sample(ids, TIMES))

    def look():
        wanted = next(some)
        found = client.ask(f"{wanted}/")[1]["objects"]
        if [one["id"] for one in found] != [wanted]:
            sys.exit(f"FAIL: {name} has not {wanted}")

    looked = timed(look)
    began = time.monotonic()
    add()
    while client.poll(newest) < ADDED:
        if time.monotonic() - began > BUDGET:
            sys.exit(f"FAIL: {name} does not show what was added")
        time.sleep(0.01)
    added = (time.monotonic() - began) * 1_000
    print(
        f"{name:10} {count / seconds:9,.0f} objects/s ({count:,}{'' if is_all else ' until it was stopped'}), nothing new {polled:8.1f} ms, by id {looked:8.1f} ms,"
        f" {ADDED} added {added:8.0f} ms",
        flush=True,
    )
    return {"serving, objects in a second": count / seconds, "nothing new, ms": polled, "one by its id, ms": looked, "100 added, ms": added}


def envelope(count, prefix):
    """New indicators as a client posts them."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    common = {"type": "indicator", "spec_version": "2.1", "created": now, "modified": now, "valid_from": now, "pattern_type": "stix"}
    new = [{**common, "id": f"indicator--{uuid.uuid4()}", "pattern": f"[domain-name:value = '{prefix}-{number}.org']"} for number in range(count)]
    return json.dumps({"objects": new}).encode()


def ours(binary, scratch, count):
    node = Node(binary, scratch)
    if node.share("".join(made(count)), "green") != count:
        sys.exit("FAIL: not all are shared")
    token = node.consumer("cti", "--scope", "taxii,export", "--tlp-max", "green")
    bundle = json.loads(node.fetch("/export/stix.json", token))["objects"]
    trusted = ssl.create_default_context(cafile=str(node.data / "https/cert.pem"))
    root = Client(int(node.address), "/taxii2/watchfire/collections/", "cti", token, trusted)
    collection = root.ask()[1]["collections"][0]["id"]
    client = Client(int(node.address), f"/taxii2/watchfire/collections/{collection}/objects/", "cti", token, trusted)
    ids = [one["id"] for one in bundle if one["type"] == "indicator"]
    text = "".join(f"added-{number}.org\n" for number in range(ADDED))
    figures = measured("watchfire", client, ids, None, lambda: node.share(text, "green", "text"))
    node.stop()
    # A part of it has the same share of indicators as the whole.
    random.Random(7).shuffle(bundle)
    return bundle, figures


def started(command, environment, port, path):
    log = open(path, "w")
    running = subprocess.Popen([str(one) for one in command], env=environment, stdout=log, stderr=log)
    end = time.monotonic() + 180
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", "/taxii2/", headers={"Accept": MEDIA})
            connection.getresponse().read()
            return running
        except OSError:
            if time.monotonic() > end or running.poll() is not None:
                sys.exit(f"FAIL: it does not start: {pathlib.Path(path).read_text()[-1500:]}")
            time.sleep(0.2)


def port_of():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def fewer(name, serve, scratch, bundle):
    """What a server does with as many objects as it answers with, at most these."""
    count = len(bundle)
    while True:
        some, work = bundle[:count], scratch / f"{name}-{count}"
        work.mkdir()
        try:
            return serve(work, some, [one["id"] for one in some if one["type"] == "indicator"]), count
        except TimeoutError:
            print(f"{name} does not answer within {PATIENCE} s with {count:,} objects", flush=True)
            count //= 10
            if count < 10 * TIMES // 3:
                sys.exit(f"FAIL: {name} answers nothing")


def medallion(scratch, bundle, ids):
    port, first = port_of(), datetime.datetime(2026, 1, 1)
    when = lambda number: (first + datetime.timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    version = lambda one: one.get("modified", one.get("created", "2026-01-01T00:00:00.000Z"))
    media = "application/stix+json;version=2.1"
    manifest = [{"id": one["id"], "date_added": when(at), "version": version(one), "media_type": media} for at, one in enumerate(bundle)]
    collection = {"id": COLLECTION, "title": "all", "can_read": True, "can_write": True, "media_types": [media], "objects": bundle, "manifest": manifest}
    root = f"http://127.0.0.1:{port}/feed/"
    about = {"title": "feed", "versions": [MEDIA], "max_content_length": 1 << 28}
    data = {"/discovery": {"title": "feed", "default": root, "api_roots": [root]}, "feed": {"information": about, "status": [], "collections": [collection]}}
    (scratch / "medallion-data.json").write_text(json.dumps(data))
    backend = {"module": "medallion.backends.memory_backend", "module_class": "MemoryBackend", "filename": str(scratch / "medallion-data.json")}
    settings = {"backend": backend, "users": {"admin": "words"}, "taxii": {"max_page_size": PAGE}}
    (scratch / "medallion.json").write_text(json.dumps(settings))
    command = [MEDALLION / "bin/medallion", "--host", "127.0.0.1", "--port", port, scratch / "medallion.json"]
    running = started(command, {"PATH": os.environ["PATH"]}, port, scratch / "medallion.log")
    client = Client(port, f"/feed/collections/{COLLECTION}/objects/", "admin", "words")
    try:
        return measured("medallion", client, ids, when(len(bundle)), lambda: client.ask(body=envelope(ADDED, "added")))
    finally:
        running.terminate()
        running.wait(30)


# 0.9.3 as it is published cannot write the ids of its collections as JSON.
SERVER = """
import json, sys, types
import opentaxii.taxii2.http as http
http.json = types.SimpleNamespace(dumps=lambda one, **more: json.dumps(one, default=str, **more))
from opentaxii.http import app
from werkzeug.serving import run_simple
run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True)
"""


def opentaxii(scratch, bundle, ids):
    port, work = port_of(), scratch
    # What has no versions it does not take.
    bundle = [one for one in bundle if "modified" in one]
    (work / "settings.yml").write_text(
        f'domain: "localhost:{port}"\n'
        "taxii1:\n"
        "taxii2:\n  persistence_api:\n    class: opentaxii.persistence.sqldb.Taxii2SQLDatabaseAPI\n"
        f'    parameters: {{db_connection: "sqlite:///{work}/data.db", create_tables: yes}}\n'
        f'  title: "feed"\n  public_discovery: true\n  max_content_length: {1 << 28}\n'
        "auth_api:\n  class: opentaxii.auth.sqldb.SQLDatabaseAPI\n"
        f'  parameters: {{db_connection: "sqlite:///{work}/auth.db", create_tables: yes, secret: words}}\n'
        "logging: {opentaxii: warning, root: warning}\n"
    )
    environment = {"PATH": os.environ["PATH"], "OPENTAXII_CONFIG": str(work / "settings.yml")}

    def does(tool, *args):
        done = subprocess.run([OPENTAXII / "bin" / tool, *args], env=environment, capture_output=True, text=True, timeout=120)
        if done.returncode:
            sys.exit(f"FAIL: {tool}: {done.stderr[-1500:]}")
        return done.stdout + done.stderr

    does("opentaxii-add-api-root", "--title", "feed", "--description", "feed", "--default")
    kept = subprocess.run(
        [OPENTAXII / "bin/python", "-c", "import sqlite3,sys,uuid;r=sqlite3.connect(sys.argv[1]).execute('select id from opentaxii_api_root').fetchone()[0];print(uuid.UUID(bytes=r) if isinstance(r,bytes) else uuid.UUID(r))", str(work / "data.db")],
        capture_output=True, text=True, check=True,
    ).stdout.strip()
    does("opentaxii-add-collection", "--rootid", kept, "--title", "all", "--public", "--public-write")
    does("opentaxii-create-account", "--username", "admin", "--password", "words", "--admin")
    running = started([OPENTAXII / "bin/python", "-c", SERVER, port], environment, port, work / "log")
    try:
        root = Client(port, f"/taxii2/{kept}/collections/", "admin", "words")
        collection = root.ask()[1]["collections"][0]["id"]
        client = Client(port, f"/taxii2/{kept}/collections/{collection}/objects/", "admin", "words")
        began = time.monotonic()
        for first in range(0, len(bundle), PAGE):
            client.ask(body=json.dumps({"objects": bundle[first : first + PAGE]}).encode())
        end, seconds = time.monotonic() + BUDGET, time.monotonic() - began
        print(f"opentaxii took {len(bundle):,} in {seconds:.0f} s", flush=True)
        newest = None
        while time.monotonic() < end:
            page = client.ask("?limit=1")[1]
            if page.get("objects"):
                break
        newest = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return measured("opentaxii", client, ids, newest, lambda: client.ask(body=envelope(ADDED, "added")))
    except SystemExit:
        print((work / "log").read_text()[-1500:], flush=True)
        raise
    finally:
        running.terminate()
        running.wait(30)


def main():
    binary, scratch = sys.argv[1], pathlib.Path(sys.argv[2])
    count = int(sys.argv[5]) if len(sys.argv) > 5 else 100_000
    bundle, here = ours(binary, scratch, count)
    served = {name: fewer(name, serve, scratch, bundle) for name, serve in [("opentaxii", opentaxii), ("medallion", medallion)]}
    others = {name: figures for name, (figures, _) in served.items()}
    print(f"\n{'objects':34}" + "".join(f"{of:12,}" for _, of in served.values()))
    print(f"{'ratio, above 1 is better here':34}" + "".join(f"{name:>12}" for name in others))
    for figure, value in here.items():
        ratios = [value / of[figure] if "second" in figure else of[figure] / value for of in others.values()]
        print(f"{figure:34}" + "".join(f"{ratio:12.1f}" for ratio in ratios))


main()

#!/usr/bin/env python3
"""How fast each export is written, and in how much memory. Usage: measure.py BINARY SCRATCH [--campaigns] [--formats=A,B] [N...]

For each number of indicators (10,000 and 100,000 where none is given) and each format a node is started anew, asked by the command line and then over
HTTPS, and the most memory that it had is read from /proc. The store's cache is 4 MiB here, so that what is seen is not how full that is. Fails where
a peak grows by more than a quarter, or where no values of what was shared are in what was written.

With --campaigns each ten indicators have a campaign of their own, where else all are in 97. Then memory may grow with the campaigns, and it fails where
that is more for each than BYTES_PER_CAMPAIGN_MAX says."""

import os
import pathlib
import subprocess
import sys
import time

from node import Node

FORMATS = {
    "stix": "stix.json", "mvt": "mvt.tar", "misp": "misp.tar", "suricata": "suricata.tar", "rpz": "rpz.zone", "hosts": "hosts", "dnsmasq": "dnsmasq.conf",
    "adblock": "adblock.txt", "sigma": "sigma.tar", "lists": "lists.tar", "csv": "csv", "text": "text",
}
GROWTH_MAX = 1.25
IN_A_CAMPAIGN = 10
# Between 10,000 and 100,000; the text of ten indicators is longer in the first two. Of a campaign `sigma` has a rule for each source of logs.
BYTES_PER_CAMPAIGN_MAX = {"stix": 2_048, "misp": 2_048}
OF_OTHERS_MAX = 4_096


def made(count, by_campaigns):
    """As many values of the usual kinds, in 97 campaigns or in ever more."""
    yield "value,type,campaign\n"
    for number in range(count):
        digest = f"{number:064x}"
        value = [
            ("domain", f"lure-{number}.planted-{number % 997}.com"),
            ("url", f"https://host-{number % 4_999}.planted.net/{number}"),
            ("ipv4", f"45.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"),
            ("sha256", digest),
            ("domain", f"name-{number}.org"),
        ][number % 5]
        yield f"{value[1]},{value[0]},campaign {number // IN_A_CAMPAIGN if by_campaigns else number % 97}\n"


def peak(pid):
    """The most memory that a process had, in MB; 0 once it has ended."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0)


def written(node, form):
    """Seconds, bytes and the most memory of the command line's process."""
    began = time.monotonic()
    most = 0
    with open(node.data.with_suffix(".out"), "wb") as out:
        child = subprocess.Popen([node.binary, "export", form], env=node.environment, stdout=out, stderr=subprocess.DEVNULL)
        while child.poll() is None:
            most = max(most, peak(child.pid))
            time.sleep(0.01)
    if child.returncode:
        sys.exit(f"FAIL: `watchfire export {form}` ended with {child.returncode}")
    return time.monotonic() - began, os.path.getsize(out.name), most


def main():
    binary, scratch = sys.argv[1], pathlib.Path(sys.argv[2])
    said = [one for one in sys.argv[3:] if one.startswith("--")]
    by_campaigns = "--campaigns" in said
    chosen = next((one.removeprefix("--formats=").split(",") for one in said if one.startswith("--formats=")), list(FORMATS))
    counts = [int(one) for one in sys.argv[3:] if one not in said] or [10_000, 100_000]
    peaks = {}
    for count in counts:
        work = scratch / str(count)
        work.mkdir(parents=True)
        node = Node(binary, work, "[store]\ncache_bytes = 4194304\n")
        released = node.share("".join(made(count, by_campaigns)), "green")
        if released != count:
            sys.exit(f"FAIL: {released} of {count} are shared")
        token = node.consumer("lab", "--tlp-max", "green", "--scope", "export,taxii")
        for form, path in ((form, FORMATS[form]) for form in chosen):
            node.again()
            idle = peak(node.serving.pid)
            seconds, size, client = written(node, form)
            most = peak(node.serving.pid)
            began = time.monotonic()
            fetched = node.size(f"/export/{path}", token)
            https, most_https = time.monotonic() - began, peak(node.serving.pid)
            if size != fetched or size < count:
                sys.exit(f"FAIL: {form}: {size} bytes written, {fetched} fetched")
            peaks.setdefault(form, []).append(max(most, most_https))
            print(
                f"{form:9} {count:7}: {count / seconds:9,.0f}/s, {size / 1e6:6.1f} MB; peak {most:5.1f} MB (idle {idle:.1f}), its client {client:4.1f} MB;"
                f" HTTPS {count / https:9,.0f}/s, peak {most_https:5.1f} MB",
                flush=True,
            )
        node.stop()
    if by_campaigns:
        each = {form: (of[-1] - of[0]) * (1 << 20) * IN_A_CAMPAIGN / max(counts[-1] - counts[0], 1) for form, of in peaks.items()}
        for form, of in each.items():
            print(f"{form:9} the peak grows {peaks[form][-1] / peaks[form][0]:.2f} times, {of:,.0f} bytes for each of the campaigns more")
        if bad := [form for form, of in each.items() if of > BYTES_PER_CAMPAIGN_MAX.get(form, OF_OTHERS_MAX)]:
            sys.exit(f"FAIL: these need too many bytes for each campaign: {', '.join(bad)}")
        return
    bad = {form: of for form, of in peaks.items() if of[-1] > of[0] * GROWTH_MAX}
    for form, of in peaks.items():
        print(f"{form:9} the peak grows {of[-1] / of[0]:.2f} times while indicators grow {counts[-1] / counts[0]:.0f} times")
    if bad:
        sys.exit(f"FAIL: these grow by more than {GROWTH_MAX} times: {', '.join(bad)}")


if __name__ == "__main__":
    main()

"""Keeps what this version leaves behind on an endpoint and in a cluster, for the versions to come.

usage: OBHUT_BIN=… make_state.py tests/data/states/VERSION.tar.xz      (root; once, for each release)
"""

import os
import pathlib
import random
import sys

sys.path.insert(0, os.path.dirname(__file__))

from kept_site import DATA, NAME, VAULT, endpoint_of, pack, proxy_before  # noqa: E402
from harness.site import Site, run  # noqa: E402


def write_files(folder):
    """Little, and a little of everything: the archive is kept for ever."""
    os.makedirs(os.path.join(folder, "Büro", "alt"))
    chance = random.Random(1)
    for number in range(12):
        with open(os.path.join(folder, "Büro", f"Brief {number}.txt"), "wb") as out:
            out.write(b"Sehr geehrte Damen und Herren,\n" * chance.randrange(1, 400))
    with open(os.path.join(folder, "large"), "wb") as out:
        out.write(chance.randbytes(20_000))
        out.truncate(3_000_000)
    os.symlink("Büro/Brief 1.txt", os.path.join(folder, "link"))
    os.link(os.path.join(folder, "Büro", "Brief 2.txt"), os.path.join(folder, "Büro", "alt", "Brief 2"))
    os.chmod(os.path.join(folder, "Büro", "alt"), 0o750)


def main(archive):
    site = Site(public_name=NAME, public_port=443)
    proxy = proxy_before(site)
    try:
        files = site.path("mnt", "data")
        write_files(files)
        endpoint = endpoint_of(site, proxy)
        endpoint.start(site.partner.token(site.customer, site.cluster.public_url))
        device = endpoint.wait_enrolled()["device"]
        site.partner.push_plan(site.partner.plan(
            DATA, targets=[{"type": "cluster", "retention": {"keep_last": 1000}},
                           {"type": "local", "path": VAULT, "retention": {"keep_last": 1000}}],
            verification={"every_days": 1}), site.customer)
        endpoint.wait_plan(1)
        endpoint.backup()
        sheet = site.path("sheet.txt")
        key = endpoint.ask("key", "show-recovery")["recovery_key"]
        endpoint.obhut("key", "show-recovery", "--sheet", sheet)
        endpoint.obhut("key", "confirm", stdin=key + "\n")
        with open(os.path.join(files, "Büro", "Brief 3.txt"), "a", encoding="utf-8") as out:
            out.write("PS: Grüße\n")
        os.remove(os.path.join(files, "Büro", "Brief 4.txt"))
        endpoint.backup()
        facts = {"version": run("obhutd", "--version").stdout.strip(), "partner": site.partner.id,
                 "customer": site.customer, "device": device, 
                 "sheet": pathlib.Path(sheet).read_text(encoding="utf-8"),
                 "points": endpoint.ask("points"), "local_points": endpoint.ask("points", "--target", VAULT),
                 "activated": endpoint.status()["enrolment"]["activated_at"]}
        endpoint.stop()
        site.cluster.stop()
        pack(site, facts, archive)
        print(f"{archive}: {os.path.getsize(archive)} bytes")
    finally:
        proxy.close()
        site.close()


if __name__ == "__main__":
    main(sys.argv[1])

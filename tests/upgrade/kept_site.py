"""A site at rest in an archive: cluster, partner, endpoint, what it backed up and its local vault.

Where the endpoint looks must be the same for ever: the cluster by a name that a proxy alone knows,
files and local vault below /mnt, which the daemon sees in a mount namespace of its own.
"""

import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.http_proxy import HttpProxy  # noqa: E402
from harness.site import Site  # noqa: E402

NAME = "backup.partner.example"
DATA, VAULT = "/mnt/data", "/mnt/vault"
PARTS = ("facts.json", "cluster", "partner", "endpoint/state", "mnt")


def endpoint_of(site, proxy):
    """The site's endpoint, which reaches its cluster and /mnt as it always did."""
    endpoint = site.endpoint()
    endpoint.configure(proxy=proxy.url)
    endpoint.runner = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /mnt && exec "$@"', site.path("mnt")]
    return endpoint


def proxy_before(site):
    return HttpProxy(NAME, to=site.cluster.port)


def pack(site, facts, archive):
    with open(site.path("facts.json"), "w", encoding="utf-8") as out:
        json.dump(facts, out, indent=1)
    subprocess.run(["tar", "--create", "--xz", "--file", archive, "--directory", site.folder, "--numeric-owner",
                    "--exclude=*.lock", "--exclude=*.sock", *PARTS], check=True)


def unpack(archive):
    """A site, its cluster running, and the facts."""
    folder = tempfile.mkdtemp(prefix="obhut-e2e-")
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", folder], check=True)
    with open(os.path.join(folder, "facts.json"), encoding="utf-8") as text:
        facts = json.load(text)
    return Site.kept(folder, facts["partner"], facts["customer"]), facts

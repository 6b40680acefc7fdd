"""Whoever makes newer versions of the agent, and publishes them at a site's cluster."""

import hashlib
import json
import os
import pathlib
import sqlite3
import time

from harness.site import run


def text_of(path):
    return pathlib.Path(path).read_text(encoding="utf-8")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Releases:
    """Whoever makes releases: two keys of two sign them, one signs roots."""

    def __init__(self, site):
        self.site = site
        self.folder = pathlib.Path(site.path("releases"))
        self.folder.mkdir()
        self.keys = {name: self.sign("key", "new", "--out", self.file(name + ".key"))["key"]
                     for name in ("root", "anna", "bert", "eve")}
        self.root = self.make_root("root-1.json")
        self.serial = 0

    def file(self, name):
        return str(self.folder / name)

    def sign(self, *arguments):
        return json.loads(run("obhut-sign", "--json", *arguments).stdout)

    def make_root(self, name, *more):
        out = self.file(name)
        self.sign("release", "root", "--root-key", self.keys["root"], "--root-threshold", 1,
                  "--release-key", self.keys["anna"], "--release-key", self.keys["bert"],
                  "--release-threshold", 2, "--key", self.file("root.key"), "--out", out, *more)
        return out

    def package(self, version="9.1.0", size=9_000_000):
        path = self.file(f"obhut-agent_{version}_amd64.deb")
        with open(path, "wb") as out:
            out.write(os.urandom(size))
        return path

    def manifest(self, package, *more, serial=None, keys=("anna", "bert"), root=None):
        """Signed by one after the other. Returns the document."""
        self.serial = serial or self.serial + 1
        out = self.file(f"release-{time.monotonic_ns()}.json")
        self.sign("release", "manifest", "--root", root or self.root, "--serial", self.serial, "--package",
                  package, "--key", self.file(keys[0] + ".key"), "--out", out, *more)
        for key in keys[1:]:
            self.sign("release", "sign", out, "--key", self.file(key + ".key"))
        return text_of(out)

    def publish(self, package, *more):
        api = self.site.api
        data = pathlib.Path(package).read_bytes()
        api.post("/api/v1/releases/roots", text_of(self.root))
        api.put(f"/api/v1/releases/packages/{sha256(data)}", data)
        api.post("/api/v1/releases", self.manifest(package, *more))
        return sha256(data)

    def smuggle(self, document):
        """As whoever broke into the cluster would: past all that it checks."""
        with sqlite3.connect(os.path.join(self.site.cluster.state, "cluster.db"), timeout=30) as database:
            database.execute("DELETE FROM releases")
            database.execute("INSERT INTO releases VALUES (?, ?, ?, 0)", (self.serial, "", document))

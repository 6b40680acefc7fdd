"""Looking across recovery points, and steering a restore, over the daemon's socket and `obhut`."""

import base64
import json
import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.conversation import Conversation  # noqa: E402
from harness.site import Site, wait_until  # noqa: E402


class Browse(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.source = pathlib.Path(cls.site.path("source"))
        (cls.source / "deep").mkdir(parents=True)
        cls.endpoint = cls.site.endpoint()
        cls.endpoint.start(cls.site.partner.token(cls.site.customer))
        cls.endpoint.wait_enrolled()
        cls.site.partner.push_plan(cls.site.partner.plan(str(cls.source)), cls.site.customer)
        cls.endpoint.wait_plan(1)
        (cls.source / "Übersicht Januar.txt").write_text("first")
        (cls.source / "deep" / "letter").write_text("dear reader")
        (cls.source / "large").write_bytes(os.urandom(300_000_000))
        cls.endpoint.backup()
        (cls.source / "deep" / "letter").write_text("dear reader, once more")
        cls.endpoint.backup()
        (cls.source / "deep" / "letter").unlink()
        (cls.source / "deep" / "new").write_text("new")
        cls.endpoint.backup()

    def in_source(self, entries):
        return [entry["path"][len(str(self.source)) + 1:] for entry in entries]

    def test_finds_in_all_points_whatever_the_case(self):
        found = self.endpoint.ask("find", "--all-points", "ÜBERSICHT jan")
        letters = self.endpoint.ask("find", "--all-points", "letter")

        self.assertEqual(self.in_source(found), ["Übersicht Januar.txt"])
        self.assertEqual([entry["size"] for entry in letters], [22, 11], "two versions, the newer first")
        self.assertEqual(self.endpoint.ask("find", "letter"), [], "it is in no newest point")

    def test_lists_the_versions_of_a_file(self):
        versions = self.endpoint.ask("versions", self.source / "deep" / "letter")["versions"]
        stays = self.endpoint.ask("versions", self.source / "large")["versions"]

        self.assertEqual([version["size"] for version in versions], [22, 11])
        self.assertEqual([version["same"] for version in stays], [True, True, False])
        text = self.endpoint.obhut("versions", self.source / "large").stdout
        self.assertEqual(len(text.splitlines()), 1, "one version in three points:\n" + text)

    def test_tells_what_changed(self):
        changes = self.endpoint.ask("changes")

        self.assertEqual((changes["added"], changes["changed"], changes["removed"]), (1, 0, 1))
        self.assertEqual({example["change"] + " " + example["path"][len(str(self.source)):]
                          for example in changes["examples"]}, {"added /deep/new", "removed /deep/letter"})
        self.assertIn("1 added, 0 changed, 1 removed", self.endpoint.obhut("changes").stdout)

    def test_shows_the_beginning_of_a_file(self):
        shown = Conversation(self.endpoint, command="preview", path=str(self.source / "large"), most=1000).last()
        missing = Conversation(self.endpoint, command="preview", path=str(self.source / "none")).last()
        parts = []
        most = Conversation(self.endpoint, command="preview", path=str(self.source / "large"), most=1 << 40).last(
            parts.append)

        with open(self.source / "large", "rb") as large:
            beginning = large.read(32 << 20)
        self.assertEqual(base64.b64decode(shown["content"]), beginning[:1000])
        content = b"".join(base64.b64decode(part["content"]) for part in [*parts, most])
        self.assertTrue(content == beginning, f"{len(parts)} parts, {len(content)} bytes")
        self.assertTrue(shown["truncated"])
        self.assertEqual((missing["exit"], missing["error"]["kind"]), (3, "not-found"))

    def test_says_what_a_restore_would_do(self):
        target = self.site.path("would")
        would = self.endpoint.ask("restore", "latest", self.source / "deep", "--to", target, "--dry-run")

        self.assertEqual((would["create"], would["overwrite"]), (2, 0), json.dumps(would))
        self.assertFalse(os.path.exists(target))

    def restoring(self, target):
        return Conversation(self.endpoint, command="restore", point="latest", to=target, paths=[str(self.source)])

    def progress_of(self, talk, wanted):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            message = talk.hear()
            self.assertFalse(message.get("done"), f"ended too early: {message}")
            if wanted(message.get("progress", {})):
                return message["progress"]
        self.fail("not seen in time")

    def test_a_restore_pauses_goes_on_and_ends_whole(self):
        target = self.site.path("paused")
        talk = self.restoring(target)
        talk.say(command="pause")
        self.progress_of(talk, lambda progress: progress.get("paused"))
        done = []
        # A write that had begun ends.
        self.progress_of(talk, lambda progress: done.append(progress["written_bytes"])
                         or done[-3:] == done[-1:] * 3)

        talk.say(command="resume")

        self.assertEqual(talk.last()["exit"], 0)
        self.assertEqual(os.path.getsize(target + str(self.source / "large")), 300_000_000)

    def test_a_restore_ends_when_it_is_cancelled_or_its_asker_goes(self):
        talk = self.restoring(self.site.path("cancelled"))
        talk.say(command="pause")
        self.progress_of(talk, lambda progress: progress.get("paused"))
        talk.say(command="cancel")
        self.assertEqual(talk.last()["error"]["kind"], "cancelled")

        gone = self.restoring(self.site.path("gone"))
        gone.say(command="pause")
        self.progress_of(gone, lambda progress: progress.get("paused"))
        gone.close()
        wait_until("the restore to end", lambda: not self.endpoint.status()["activities"])


if __name__ == "__main__":
    unittest.main()

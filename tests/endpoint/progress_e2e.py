"""Progress over the local socket: who follows sees it, who does not read holds nothing up."""

import json
import os
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.conversation import Conversation  # noqa: E402
from harness.site import BIN, Site, upload_limit, wait_until  # noqa: E402

# 16 MB/s, and more than fits into what waits to be sent: a run that has a middle.
FILES = 180
SLOW = upload_limit(128000)
NOBODY = 65534


class Progress(unittest.TestCase):
    def setUp(self):
        self.site = Site()
        self.addCleanup(self.site.close)
        self.source = self.site.path("source")
        os.mkdir(self.source)
        for i in range(FILES):
            with open(os.path.join(self.source, f"secret-{i}"), "wb") as out:
                out.write(os.urandom(1 << 20))
        self.endpoint = self.site.endpoint()
        self.endpoint.start(self.site.partner.token(self.site.customer))
        self.endpoint.wait_enrolled()
        self.site.partner.push_plan(self.site.partner.plan(self.source, limits=SLOW),
                                    self.site.customer)
        self.endpoint.wait_plan(1)

    def start(self, *arguments):
        return subprocess.Popen(
            [os.path.join(BIN, "obhut"), *arguments, "--socket", self.endpoint.socket],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"})

    def lines_of(self, process):
        out, errors = process.communicate(timeout=300)
        self.assertEqual((process.returncode, errors), (0, ""))
        return [json.loads(line) for line in out.splitlines()]

    def running(self, endpoint):
        return endpoint.status()["schedule"].get("progress", {}).get("new_bytes", 0) > 0

    def as_nobody(self, command):
        """The messages that another user gets for a command."""
        self.site.let_users_in()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                talk = Conversation(self.endpoint, command=command)
                message = {}
                while not message.get("done"):
                    message = talk.hear()
                    os.write(writing, json.dumps(message).encode() + b"\n")
                status = 0
            finally:
                os._exit(status)
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as lines:
            messages = [json.loads(line) for line in lines]
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        return messages

    def test_of_a_backup_reaches_who_waits_and_who_follows(self):
        backup = self.start("backup", "--wait", "--json", "--progress", "always")
        wait_until("the backup to read", lambda: self.running(self.endpoint))
        self.assertIn("running     backing up", self.endpoint.obhut("status").stdout)
        follow = self.start("status", "--follow", "--json", "--progress", "always")

        lines = self.lines_of(backup)
        followed = self.lines_of(follow)

        progress, result = lines[:-1], lines[-1]
        self.assertEqual({line["type"] for line in progress}, {"progress"})
        self.assertEqual(result["outcome"], "done")
        point = result["targets"][0]["point"]
        last = progress[-1]
        self.assertEqual((last["phase"], last["percent"]), ("done", 100))
        self.assertEqual((last["files_total"], last["bytes_total"], last["stored_bytes"]),
                         (point["files"], point["bytes"], point["stored_bytes"]))
        self.assertLessEqual(len(progress), last["seconds_elapsed"] * 5 + 4)
        self.assertTrue(any(0 < line["read_bytes"] < point["bytes"] for line in progress))
        self.assertTrue(any("secret" in (line["path"] or "") for line in progress))
        self.assertTrue(all(line["type"] == "progress" for line in followed[:-1]))
        self.assertGreater(len(followed), 3)
        self.assertFalse(followed[-1]["schedule"]["running"], "the status comes last")

        target = self.site.path("restored")
        restored = self.lines_of(self.start("restore", "latest", "--to", target, "--json",
                                            "--progress", "always"))
        self.assertEqual((restored[-2]["job"], restored[-2]["phase"]), ("restore", "done"))
        self.assertEqual(restored[-2]["written_bytes"], restored[-1]["bytes"])
        verified = self.lines_of(self.start("verify", "--json", "--progress", "always"))
        self.assertEqual((verified[-2]["job"], verified[-2]["phase"]), ("check", "done"))

    def test_is_there_at_once_where_nothing_runs(self):
        self.assertIn("next backup", self.endpoint.obhut("status", "--follow").stdout)

    def test_is_not_asked_for_and_nothing_is_told(self):
        done = self.start("backup", "--wait", "--json")
        out, errors = done.communicate(timeout=300)
        self.assertEqual((json.loads(out)["outcome"], errors), ("done", ""))

    def test_holds_nothing_up_where_the_client_does_not_read_or_is_gone(self):
        gone = Conversation(self.endpoint, command="backup", wait=True)
        wait_until("the backup to read", lambda: self.running(self.endpoint))
        gone.close()
        deaf = [Conversation(self.endpoint) for _ in range(3)]
        for client in deaf:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            client.say(command="watch")

        wait_until("the end of the backup",
                   lambda: self.endpoint.status()["schedule"].get("last_success"), 120)
        for client in deaf:
            client.close()
        self.assertEqual(len(self.endpoint.ask("points")), 1)

    @unittest.skipIf(os.geteuid() != 0, "becomes another user")
    def test_names_nothing_to_other_users(self):
        self.endpoint.obhut("backup")
        wait_until("the backup to read", lambda: self.running(self.endpoint))

        messages = self.as_nobody("watch")

        events = [message for message in messages if message.get("event") == "progress"]
        self.assertGreater(len(events), 1)
        self.assertTrue(any(event["progress"] and event["progress"]["read_bytes"] > 0
                            for event in events))
        self.assertNotIn("secret", json.dumps(messages))
        self.assertEqual(self.as_nobody("verify")[-1]["error"]["kind"], "refused")


if __name__ == "__main__":
    unittest.main()

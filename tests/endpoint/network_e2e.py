"""Ways to the cluster as offices and hotels have them: proxies, login pages, IPv6, names that are
gone, and a machine that slept.

usage: network_e2e.py [unittest's arguments]
"""

import os
import re
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from harness.environment import environment  # noqa: E402
from harness.http_proxy import HttpProxy, Portal  # noqa: E402
from harness.proxy import Proxy  # noqa: E402
from harness.site import CommandFailed, Site, free_port, wait_until  # noqa: E402
from harness.trees import differences, make_tree  # noqa: E402

NAME = "backup.partner.example"  # no resolver knows it


class NetworkTest(unittest.TestCase):
    def start_site(self, **how):
        self.site = Site(**how)
        self.addCleanup(self.site.close)
        self.source = self.site.path("source")
        make_tree(self.source)

    def token(self):
        return self.site.partner.token(self.site.customer, self.site.cluster.public_url)

    def push(self, version, **members):
        self.site.partner.push_plan(self.site.partner.plan(self.source, **members),
                                    self.site.customer, "--version", version)

    def start_with_plan(self, endpoint, **members):
        endpoint.start(self.token())
        endpoint.wait_enrolled()
        self.push(1, **members)
        endpoint.wait_plan(1)

    def assert_backs_up(self, endpoint):
        self.assertEqual(endpoint.backup()["outcome"], "done")
        target = self.site.path(f"restored-{time.monotonic_ns()}")
        endpoint.ask("restore", "latest", "--to", target, timeout=300)
        self.assertEqual(differences(self.source, target + self.source), "")

    def reachable(self, endpoint):
        return endpoint.status()["cluster"]["reachable"]

    def warnings(self, endpoint):
        return [line for line in endpoint.process.output().splitlines() if "cluster does not answer" in line]


class Proxies(NetworkTest):
    """The name is known to the proxy alone: what arrives came through it."""

    def setUp(self):
        self.start_site(public_name=NAME)

    def proxy(self, user=None):
        proxy = HttpProxy(NAME, user)
        self.addCleanup(proxy.close)
        return proxy

    def test_by_the_environment(self):
        proxy = self.proxy()
        endpoint = self.site.endpoint()
        token = self.token()
        with environment(https_proxy=proxy.url, no_proxy="example.org"):
            endpoint.start(token)
        endpoint.wait_enrolled()
        self.push(1)
        endpoint.wait_plan(1)
        self.assert_backs_up(endpoint)
        self.assertGreater(proxy.passed, 0)

    def test_by_the_settings_with_a_password_that_shows_nowhere(self):
        secret = "pass word:ä@1"
        proxy = self.proxy(user="anna:" + secret)
        endpoint = self.site.endpoint()
        endpoint.configure(proxy=proxy.url.replace("//", "//anna:pass%20word%3A%C3%A4%401@"), log="debug")
        self.start_with_plan(endpoint)
        self.assert_backs_up(endpoint)
        self.assertEqual(proxy.refused, 0)
        proxy.user = "anna:changed"
        proxy.cut()
        wait_until("the proxy to be noticed", lambda: not self.reachable(endpoint), 60)
        told = str(endpoint.status()) + endpoint.process.output()
        self.assertIn(f"through the proxy http://127.0.0.1:{proxy.port}: it wants a user name", told)
        for written in ("pass%20word", "pass word", "anna"):
            self.assertNotIn(written, told)

    def test_by_the_plan_and_a_wrong_one_locks_nobody_out(self):
        office, gate = self.proxy(), self.proxy()
        endpoint = self.site.endpoint()
        token = self.token()
        with environment(https_proxy=gate.url):
            endpoint.start(token)
        endpoint.wait_enrolled()
        self.push(1, network={"proxy": office.url})
        endpoint.wait_plan(1)
        # What is known of the ways is asked for every few minutes; a start asks at once.
        endpoint.stop()
        with environment(https_proxy=gate.url):
            endpoint.start()
        wait_until("the line", lambda: self.reachable(endpoint), 30)
        before = gate.passed
        self.assert_backs_up(endpoint)
        self.assertGreater(office.passed, 0)
        self.assertEqual(gate.passed, before, "the plan's is the way")

        office.close()
        self.push(2, network={"proxy": f"http://127.0.0.1:{free_port()}"})
        endpoint.wait_plan(2, 90)
        self.assertGreater(gate.passed, before, "by the system's way meanwhile")
        self.assert_backs_up(endpoint)
        endpoint.stop()
        with environment(https_proxy=gate.url):
            endpoint.start()
        self.push(3)
        endpoint.wait_plan(3, 90)
        self.assert_backs_up(endpoint)

    def test_an_administrators_word_goes_before_the_plan(self):
        office, gate = self.proxy(), self.proxy()
        endpoint = self.site.endpoint()
        endpoint.configure(proxy=gate.url)
        self.start_with_plan(endpoint, network={"proxy": office.url})
        endpoint.stop()
        endpoint.start()
        self.assert_backs_up(endpoint)
        self.assertEqual(office.passed, 0)

    def test_a_login_page_of_the_proxy(self):
        proxy = self.proxy()
        endpoint = self.site.endpoint()
        endpoint.configure(proxy=proxy.url)
        self.start_with_plan(endpoint)
        proxy.portal = True
        proxy.cut()
        wait_until("the page to be noticed", lambda: not self.reachable(endpoint), 120)
        with self.assertRaisesRegex(CommandFailed, "exit 5"):
            endpoint.backup()
        proxy.portal = False
        wait_until("the line", lambda: self.reachable(endpoint), 120)
        self.assert_backs_up(endpoint)


class LoginPages(NetworkTest):
    def setUp(self):
        port = free_port()
        self.start_site(public_port=port)
        self.portal = Portal(self.site.cluster.port, port, self.site.folder)
        self.addCleanup(self.portal.close)

    def test_an_enrolled_endpoint_says_so_once_and_goes_on_by_itself(self):
        endpoint = self.site.endpoint()
        self.start_with_plan(endpoint)
        self.assert_backs_up(endpoint)
        for tls in (False, True):
            with self.subTest(tls=tls):
                warned = len(self.warnings(endpoint))
                self.portal.close_up(tls)
                wait_until("the page to be noticed", lambda: not self.reachable(endpoint), 120)
                outcome = endpoint.obhut("backup", "--wait", check=False, timeout=300)
                # Another certificate is a refusal, whoever's it is.
                self.assertEqual(outcome.returncode, 4 if tls else 5, outcome.stderr)
                self.assertIn("login page", outcome.stdout + outcome.stderr)
                shown = self.portal.shown
                wait_until("some more tries", lambda: self.portal.shown >= shown + 2, 180)
                self.assertEqual(len(self.warnings(endpoint)), warned + 1)
                self.portal.closed = False
                self.portal.cut()
                wait_until("the line", lambda: self.reachable(endpoint), 120)
                self.assert_backs_up(endpoint)

    def test_an_installation_behind_one_enrols_when_it_is_gone(self):
        self.portal.close_up(tls=True)
        endpoint = self.site.endpoint()
        endpoint.start(self.token())
        wait_until("a try", lambda: self.portal.shown > 0, 30)
        wait_until("it to be told", lambda: "login page" in str(endpoint.status()), 30)
        self.assertFalse(endpoint.status()["enrolment"]["enrolled"])
        self.portal.closed = False
        endpoint.wait_enrolled(120)


@unittest.skipIf(os.geteuid() != 0, "only root may give a process its own /etc/hosts")
class Addresses(NetworkTest):
    def endpoint_with_hosts(self, hosts):
        self.hosts = self.site.path("hosts")
        self.write_hosts(hosts)
        endpoint = self.site.endpoint()
        endpoint.runner = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', self.hosts]
        return endpoint

    def write_hosts(self, text):
        with open(self.hosts, "w", encoding="utf-8") as hosts:
            hosts.write(text)

    def test_ipv6_alone(self):
        self.start_site(public_name=NAME, listen="::1")
        endpoint = self.endpoint_with_hosts(f"::1 {NAME}\n")
        self.start_with_plan(endpoint)
        self.assert_backs_up(endpoint)

    def test_a_name_that_is_gone_for_a_while(self):
        self.start_site(public_name=NAME)
        endpoint = self.endpoint_with_hosts("127.0.0.1 localhost\n")
        endpoint.start(self.token())
        wait_until("a try", lambda: endpoint.status()["enrolment"].get("last_error"), 30)
        self.assertIn(f"{NAME}: no address is known", endpoint.status()["enrolment"]["last_error"])
        self.write_hosts(f"127.0.0.1 {NAME}\n")
        endpoint.wait_enrolled(120)


class Sleep(NetworkTest):
    def test_a_machine_that_slept_comes_back_with_dead_connections(self):
        port = free_port()
        self.start_site(public_port=port)
        line = Proxy(self.site.cluster.port, port)
        self.addCleanup(line.close)
        endpoint = self.site.endpoint()
        self.start_with_plan(endpoint)
        self.assert_backs_up(endpoint)

        process = endpoint.process.handle.pid
        os.kill(process, signal.SIGSTOP)
        line.mode = "stall"  # what a router does that forgot the connection: nothing
        line.cut()
        time.sleep(3)
        self.push(2)
        line.mode = "pass"
        os.kill(process, signal.SIGCONT)

        endpoint.wait_plan(2, 90)
        self.assert_backs_up(endpoint)
        self.assertEqual(re.findall(r"level=error.*", endpoint.process.output()), [])


if __name__ == "__main__":
    unittest.main()

"""A TCP proxy that delays: what comes in goes out as long after, in order, as the line is long.

Bandwidth is unbounded, so that round trips are all that it adds. A process of its own, since two
threads a connection in Python would slow down whoever measures through it.

usage: delay.py LISTEN_PORT TARGET_PORT ONE_WAY_MS
"""

import collections
import os
import selectors
import socket
import subprocess
import sys
import time

BLOCK = 1 << 18


class DelayProxy:
    """Runs from construction to close(). `one_way_ms` 0 measures what the proxy itself costs."""

    def __init__(self, port, target_port, one_way_ms):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), str(port),
                                         str(target_port), str(one_way_ms)],
                                        stdout=subprocess.PIPE)
        if self.process.stdout.readline() != b"listening\n":
            raise RuntimeError(f"the proxy cannot listen on port {port}")

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Way:
    """One direction of a connection: blocks, each with the time at which it is due."""

    def __init__(self, source, sink):
        self.source, self.sink = source, sink
        self.waiting = collections.deque()
        self.ended = False  # the source sends no more
        self.blocked = False  # the sink takes no more at the moment
        self.broken = False  # the sink is gone

    def read(self, delay):
        try:
            data = self.source.recv(BLOCK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.waiting.append((time.monotonic() + delay, memoryview(data)))
        self.ended = not data

    def due(self):
        """When there is something to send; None while there is nothing."""
        return self.waiting[0][0] if self.waiting and not self.blocked else None

    def write(self):
        """Sends what is due. False once the end of the stream was passed on, or nobody reads."""
        now = time.monotonic()
        while self.waiting and self.waiting[0][0] <= now:
            at, data = self.waiting.popleft()
            try:
                if not data:
                    self.sink.shutdown(socket.SHUT_WR)
                    return False
                sent = self.sink.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.broken = True
                return False
            if sent < len(data):
                self.waiting.appendleft((at, data[sent:]))
                self.blocked = True
                return True
        return True


class Loop:
    """All connections in one thread."""

    def __init__(self, port, target_port, delay):
        self.target_port, self.delay = target_port, delay
        self.selector = selectors.DefaultSelector()
        self.ways = set()
        self.of = {}  # socket: the way that it is the source of, the way that it is the sink of
        self.listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self.selector.register(self.listener, selectors.EVENT_READ)

    def accept(self):
        client, _ = self.listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port))
        except OSError:
            client.close()
            return
        up, down = Way(client, server), Way(server, client)
        for end in (client, server):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.of[client], self.of[server] = (up, down), (down, up)
        self.ways |= {up, down}
        self.watch(client)
        self.watch(server)

    def watch(self, end):
        from_it, to_it = self.of[end]
        wanted = (0 if from_it.ended else selectors.EVENT_READ) \
            | (selectors.EVENT_WRITE if to_it.blocked else 0)
        known = end in self.selector.get_map()
        if wanted and known:
            self.selector.modify(end, wanted)
        elif wanted:
            self.selector.register(end, wanted)
        elif known:
            self.selector.unregister(end)

    def drop(self, way):
        self.ways -= set(self.of.get(way.source, ())) if way.broken else {way}
        for end in (way.source, way.sink):
            pair = self.of.get(end, ())
            if not any(w in self.ways for w in pair):
                self.of.pop(end, None)
                if end in self.selector.get_map():
                    self.selector.unregister(end)
                end.close()

    def handle(self, end, events):
        if end not in self.of:
            return
        from_it, to_it = self.of[end]
        if events & selectors.EVENT_READ and not from_it.ended:
            from_it.read(self.delay)
        if events & selectors.EVENT_WRITE:
            to_it.blocked = False
        self.watch(end)

    def run(self):
        while True:
            times = [at for way in self.ways if (at := way.due()) is not None]
            timeout = max(0.0, min(times) - time.monotonic()) if times else None
            for key, events in self.selector.select(timeout):
                if key.fileobj is self.listener:
                    self.accept()
                else:
                    self.handle(key.fileobj, events)
            for way in list(self.ways):
                if way.due() is None:
                    continue
                if not way.write():
                    self.drop(way)
                elif way.blocked:
                    self.watch(way.sink)


def main(arguments):
    if len(arguments) != 3:
        print(__doc__.splitlines()[-1], file=sys.stderr)
        return 2
    loop = Loop(int(arguments[0]), int(arguments[1]), float(arguments[2]) / 1000)
    print("listening", flush=True)
    loop.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

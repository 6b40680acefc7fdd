"""An HTTP proxy, and the login page of a hotel that stands before everything."""

import base64
import contextlib
import os
import selectors
import socket
import ssl
import subprocess
import threading

from harness.site import free_port

PORTAL = (b"HTTP/1.1 302 Found\r\nLocation: http://login.hotel.example/\r\nContent-Length: 5\r\n"
          b"Connection: close\r\n\r\nlogin")


def pump(one, other):
    """Between two sockets, until both have ended."""
    with selectors.DefaultSelector() as ready, one, other:
        ready.register(one, selectors.EVENT_READ, other)
        ready.register(other, selectors.EVENT_READ, one)
        with contextlib.suppress(OSError):
            while ready.get_map():
                for key, _ in ready.select():
                    if data := key.fileobj.recv(65536):
                        key.data.sendall(data)
                    else:
                        ready.unregister(key.fileobj)
                        key.data.shutdown(socket.SHUT_WR)


class Listener:
    """Each connection gets a thread of its own in `serve`."""

    def __init__(self, port=None):
        self.port = port or free_port()
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", self.port))
        self.socket.listen(64)
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def serve(self, client):
        raise NotImplementedError

    def cut(self):
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.connections.clear()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.cut()

    def _accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            self.connections.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError), client:
            self.serve(client)


class HttpProxy(Listener):
    """Takes CONNECT to `name`:port, which it alone can resolve: to 127.0.0.1, and there to `to`, or
    to that port. `user`: "name:password" that it wants. `portal`: it answers everything with a login
    page."""

    def __init__(self, name, user=None, to=None):
        super().__init__()
        self.name = name
        self.to = to
        self.user = user
        self.portal = False
        self.passed = 0
        self.refused = 0
        self.url = f"http://127.0.0.1:{self.port}"

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            more = client.recv(4096)
            if not more:
                return
            head += more
        lines = head.decode().split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        wanted = "Basic " + base64.b64encode((self.user or "").encode()).decode()
        if self.portal:
            client.sendall(PORTAL)
        elif self.user and headers.get("Proxy-Authorization") != wanted:
            self.refused += 1
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                           b'Proxy-Authenticate: Basic realm="office"\r\nContent-Length: 0\r\n\r\n')
        elif method != "CONNECT" or target.rsplit(":", 1)[0] != self.name:
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        else:
            self.passed += 1
            server = socket.create_connection(("127.0.0.1", self.to or int(target.rsplit(":", 1)[1])))
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            pump(client, server)


class Portal(Listener):
    """Before the cluster. While `closed` it is a hotel's login page: in clear text where `tls` is
    false, else with a certificate of its own for every name."""

    def __init__(self, target_port, port, folder):
        self.target_port = target_port
        self.closed = False
        self.tls = False
        self.shown = 0
        key, certificate = (os.path.join(folder, f"portal.{kind}") for kind in ("key", "pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=login.hotel.example",
                        "-addext", "subjectAltName=DNS:localhost", "-days", "2", "-keyout", key,
                        "-out", certificate], check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        super().__init__(port)

    def close_up(self, tls):
        self.tls = tls
        self.closed = True
        self.cut()

    def serve(self, client):
        if not self.closed:
            pump(client, socket.create_connection(("127.0.0.1", self.target_port)))
            return
        self.shown += 1
        if self.tls:
            with self.context.wrap_socket(client, server_side=True) as line:
                line.recv(4096)
                line.sendall(PORTAL)
        else:
            client.recv(4096)
            client.sendall(PORTAL)

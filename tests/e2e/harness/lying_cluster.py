"""A server with the cluster's own key that tells the truth until it is told to lie.

It stands at the cluster's public address and passes on what it does not lie about.
"""

import http.client
import http.server
import os
import ssl
import threading


class LyingCluster:
    """`lies` maps the beginning of a path to `lie(handler)`, which writes the whole answer."""

    def __init__(self, cluster, port):
        self.lies = {}
        outer = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context_file = os.path.join(cluster.state, "chain-with-authority.pem")
        with open(context_file, "w", encoding="utf-8") as chain:
            for name in ("server.pem", "ca.pem"):
                with open(os.path.join(cluster.state, name), encoding="utf-8") as part:
                    chain.write(part.read())
        context.load_cert_chain(context_file, os.path.join(cluster.state, "secrets", "server-key"))
        truth = ssl.create_default_context(cafile=cluster.ca_file)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def pass_on(self):
                for beginning, lie in outer.lies.items():
                    if self.path.startswith(beginning):
                        self.rfile.read(int(self.headers.get("Content-Length", 0)))
                        lie(self)
                        return
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                connection = http.client.HTTPSConnection("localhost", cluster.port, context=truth)
                headers = {name: value for name, value in self.headers.items()
                           if name.lower() != "connection"}
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "connection", "server", "date"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                connection.close()

            do_GET = do_POST = do_PUT = do_DELETE = pass_on

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # a client that went away, or a cluster that is down: what tests are about

        self.server = Server(("127.0.0.1", port), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def lie(self, path, lie):
        self.lies[path] = lie

    def tell_the_truth(self):
        self.lies.clear()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def answer_with(status, body, content_type="application/json", length=None):
    """A lie that is well-formed HTTP, but for the length where one is given."""
    data = body if isinstance(body, bytes) else body.encode()

    def lie(handler):
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(data) if length is None else length))
        handler.end_headers()
        handler.wfile.write(data)
        if length is not None:
            handler.close_connection = True

    return lie

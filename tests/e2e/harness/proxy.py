"""A TCP proxy before the cluster that does what networks do. TLS passes through unseen."""

import socket
import threading

from harness.site import free_port


class Proxy:
    """`mode` holds for new connections: "pass"; "refuse"; "stall": takes bytes and is silent;
    "lose-answers": what the client sends arrives, nothing comes back after the first
    `answer_bytes` bytes (the handshake fits into 4096)."""

    def __init__(self, target_port, port=None):
        self.target_port = target_port
        self.port = port or free_port()
        self.mode = "pass"
        self.answer_bytes = 4096
        self.connections = []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """Ends every connection at once."""
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()
        self.connections.clear()

    def close(self):
        self.listener.close()
        self.cut()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.mode == "refuse":
                client.close()
                continue
            self.connections.append(client)
            if self.mode == "stall":
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target_port))
            except OSError:
                client.close()
                continue
            self.connections.append(server)
            limit = self.answer_bytes if self.mode == "lose-answers" else None
            for source, sink, most in ((client, server, None), (server, client, limit)):
                threading.Thread(target=self._copy, args=(source, sink, most), daemon=True).start()

    @staticmethod
    def _copy(source, sink, most):
        passed = 0
        try:
            while data := source.recv(65536):
                passed += len(data)
                if most is not None and passed > most:
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

"""A TCP proxy before the cluster that does what networks do. TLS passes through unseen."""

import socket
import threading
import time

from harness.site import free_port


class Proxy:
    """`mode` holds for new connections: "pass"; "refuse"; "stall": takes bytes and is silent;
    "lose-answers": what the client sends arrives, nothing comes back after the first
    `answer_bytes` bytes (the handshake fits into 4096); "stall-answers": the same, but the
    connection stays open; "stall-uploads": stays open, and nothing goes on after the first
    `upload_bytes` bytes of the client's. `hold`, once true, keeps back all
    answers, also of connections that stand."""

    def __init__(self, target_port, port=None):
        self.target_port = target_port
        self.port = port or free_port()
        self.mode = "pass"
        self.answer_bytes = 4096
        self.upload_bytes = 0
        self.stalled = 0
        self.hold = False
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
            stays = self.mode.startswith("stall")
            down = self.answer_bytes if self.mode.endswith("-answers") else None
            up = self.upload_bytes if self.mode == "stall-uploads" else None
            for source, sink, most in ((client, server, up), (server, client, down)):
                threading.Thread(target=self._copy,
                                 args=(source, sink, most, stays, source is server),
                                 daemon=True).start()

    def _copy(self, source, sink, most, stays, answers):
        passed = 0
        try:
            while data := source.recv(65536):
                passed += len(data)
                if most is not None and passed > most:
                    if stays:
                        self.stalled += 1
                        return  # without a word: both ends stay open
                    break
                while answers and self.hold:
                    time.sleep(0.05)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

"""The daemon's local socket, spoken directly: each message is its length in four bytes, and JSON."""

import json
import socket
import struct


class Conversation:
    """One connection. `request`: what is said first, if anything is."""

    def __init__(self, endpoint, **request):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(endpoint.socket)
        if request:
            self.say(**request)

    def say(self, **message):
        data = json.dumps(message).encode()
        self.socket.sendall(struct.pack("<I", len(data)) + data)

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def raw(self):
        """A message that need not be JSON: the content of a file follows its announcement as it is."""
        return self._exactly(struct.unpack("<I", self._exactly(4))[0])

    def hear(self):
        return json.loads(self.raw())

    def last(self, before=lambda message: None):
        """The last message. `before` is told of those that come before it."""
        while True:
            message = self.hear()
            if message.get("done"):
                self.close()
                return message
            before(message)

    def close(self):
        self.socket.close()

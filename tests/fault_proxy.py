"""A TCP proxy on loopback that harms connections: drops, slows or resets them, or leaves requests unanswered."""

import contextlib
import random
import socket
import struct
import threading
import time


class FaultProxy:
    """Stands between a client and a server.

    Attributes:
        mode: ``pass``, ``slow`` (each part waits), ``drop`` (new connections are closed) or ``reset`` (open ones too).
        hang: Requests to read whose first line holds this get no answer.
    """

    def __init__(self, port: int, hang: bytes = b"") -> None:
        self.target, self.hang, self.mode = port, hang, "pass"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def reset_all(self) -> None:
        """Reset every open connection (RST, not FIN)."""
        for sock in list(self.open):
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.shutdown(socket.SHUT_RD)  # wakes who waits for it, so that it is really closed
                sock.close()
            except OSError:
                pass
        self.open.clear()

    def close(self) -> None:
        """Stop."""
        self.mode = "drop"
        self.listener.close()
        self.reset_all()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.mode == "drop":
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            self.open |= {client, server}
            threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, asks: bool) -> None:
        try:
            while part := source.recv(65536):
                if (
                    asks
                    and self.hang
                    and part.startswith((b"GET", b"HEAD"))
                    and self.hang in part.split(b"\r\n")[0]
                ):
                    time.sleep(3600)
                if self.mode == "slow":
                    time.sleep(random.uniform(0.05, 0.3))
                target.sendall(part)
        except OSError:
            pass
        for sock in (source, target):
            self.open.discard(sock)
            with contextlib.suppress(OSError):
                sock.close()

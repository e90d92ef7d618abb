"""HTTP before a handler, as OpenFaaS's of-watchdog has it.

Without `fprocess`, function/handler.py runs in this process. With it, that command runs once for each call: the body is its
input, its output the answer, its errors go to the log, and `Http_*` in its environment say the rest.
"""
import os
import signal
import sys
import threading
from http.server import ThreadingHTTPServer

from .call import Call
from .config import PORT
from .log import say
from .slots import slots


class Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # that is a caller who has left
            super().handle_error(request, client_address)


def main():
    server = Server(('', PORT), Call)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say(f'Listening on port {PORT}')
    asked = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: asked.set())
    asked.wait()
    say(f'SIGTERM: {slots.count} calls under way')
    left = slots.drain()
    say(f'Stopped, {left} calls cut')
    os._exit(1 if left else 0)


main()

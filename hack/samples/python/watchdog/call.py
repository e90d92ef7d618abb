import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

from .body import Body, Refused
from .command import run_command
from .config import COMMAND, MAX_BODY_BYTES, MAX_INFLIGHT, READ_SECONDS, READY_PATH, WRITE_SECONDS
from .handler import TEXT, run_handler
from .log import say
from .slots import slots

# The gateway keeps connections; they must not be closed under it.
KEEP_ALIVE_SECONDS = 120


class Call(BaseHTTPRequestHandler):
    """A connection, and the calls on it, one after another."""

    protocol_version = 'HTTP/1.1'
    timeout = KEEP_ALIVE_SECONDS
    wbufsize = -1
    disable_nagle_algorithm = True

    def parse_request(self):
        self.started = time.monotonic()
        self.is_answered = False
        self.connection.settimeout(READ_SECONDS)
        return super().parse_request()

    def handle_expect_100(self):
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def serve(self):
        self.route, _, self.query = self.path.partition('?')
        if self.route == '/_/health':
            self.probe(503 if slots.is_draining else 200, '')
        elif self.route == '/_/ready':
            self.probe(self.readiness(), READY_PATH)
        elif slots.take():
            self.run()
        else:
            self.fail(429, f'max_inflight={MAX_INFLIGHT} calls are under way')
        self.connection.settimeout(KEEP_ALIVE_SECONDS)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve

    def readiness(self):
        if slots.is_draining:
            return 503
        return 429 if slots.is_full() else 200

    def probe(self, status, path):
        """Answers a probe; one that is to ask the function itself goes there."""
        if self.command != 'GET':
            self.answer(405)
        elif status != 200 or path == '':
            self.answer(status, b'OK' if status == 200 else b'')
        else:
            self.route = path
            slots.take(is_probe=True)
            self.run()

    def run(self):
        """Carries the call out, and gives its slot back when nothing of it is left."""
        ended = threading.Event()
        ended.set()
        try:
            body = Body(self)
            if COMMAND:
                run_command(self, body)
            else:
                run_handler(self, body.read_all(MAX_BODY_BYTES), ended)
        except Refused as err:
            self.fail(err.status, str(err))
        except TimeoutError:
            self.fail(408, 'read_timeout or write_timeout is over')
        except OSError:
            self.close_connection = True  # the caller has left
        finally:
            if ended.is_set():
                slots.release()
            else:
                threading.Thread(target=release_after, args=[ended], daemon=True).start()

    def head(self, status, headers):
        self.is_answered = True
        self.close_connection = self.close_connection or slots.is_draining
        self.send_response_only(status)
        self.send_header('Date', self.date_time_string())
        self.send_header('X-Duration-Seconds', f'{time.monotonic() - self.started:.6f}')
        for name, value in [*headers, *([('Connection', 'close')] if self.close_connection else [])]:
            self.send_header(name, value)
        self.end_headers()
        self.connection.settimeout(WRITE_SECONDS)
        if not self.path.startswith('/_/'):
            say(f'{self.command} {self.route} - {status} - {time.monotonic() - self.started:.4f}s')

    def answer(self, status, body=b'', headers=()):
        """Answers whole, unless that was done."""
        if self.is_answered:
            return
        has_body = status not in (204, 304)
        self.head(status, [*([('Content-Length', str(len(body)))] if has_body else []), *headers])
        if has_body and self.command != 'HEAD':
            self.wfile.write(body)
        self.wfile.flush()

    def stream(self, piece, headers):
        """Sends a piece of an answer whose length nobody knows."""
        is_old = self.request_version == 'HTTP/1.0'
        if not self.is_answered:
            self.close_connection = self.close_connection or is_old
            self.head(200, [*([] if is_old else [('Transfer-Encoding', 'chunked')]), *headers])
        if self.command != 'HEAD':
            self.wfile.write(piece if is_old else f'{len(piece):x}\r\n'.encode() + piece + b'\r\n')
        self.wfile.flush()

    def end_stream(self):
        if self.command != 'HEAD' and self.request_version != 'HTTP/1.0':
            self.wfile.write(b'0\r\n\r\n')
        self.wfile.flush()

    def fail(self, status, text):
        """Says what went wrong where that can still be said; else the answer breaks off, so that nobody takes it for whole."""
        say(f'{self.command} {self.route}: {text}', to=sys.stderr)
        self.close_connection = True  # some of the body may not have been read
        self.answer(status, f'{text}\n'.encode(), [('Content-Type', TEXT)])

    def log_message(self, *args):
        pass


def release_after(ended):
    ended.wait()
    slots.release()

import re
import time

from .config import READ_SECONDS

PIECE = 64 * 1024


class Refused(Exception):
    """A request that gets `status` and the text."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Body:
    """The body of a request. Raises `Refused` when nobody can say where it ends, and when it takes too long."""

    def __init__(self, call):
        self.call = call
        self.deadline = None if READ_SECONDS is None else call.started + READ_SECONDS
        lengths = call.headers.get_all('Content-Length', [])
        codings = call.headers.get_all('Transfer-Encoding', [])
        self.is_chunked = codings != []
        if len(lengths) + len(codings) > 1 or codings not in ([], ['chunked']):
            raise Refused(400, 'the length of the body is not clear')
        self.length = to_number(lengths[0], 10) if lengths else 0

    def pieces(self):
        if not self.is_chunked:
            yield from self.take(self.length)
            return
        while size := to_number(self.line().partition(';')[0].strip(), 16):
            yield from self.take(size)
            self.line()
        while self.line():
            pass  # trailers

    def read_all(self, most):
        found = bytearray()
        for piece in self.pieces():
            found += piece
            if len(found) > most:
                raise Refused(413, f'the body has more than max_body_bytes={most}')
        return bytes(found)

    def line(self):
        text = self.call.rfile.readline(PIECE)
        if not text.endswith(b'\n'):
            raise Refused(400, 'the body breaks off')
        return text.decode('latin-1').strip()

    def take(self, count):
        while count > 0:
            if self.deadline is not None and time.monotonic() > self.deadline:
                raise Refused(408, 'read_timeout is over')
            piece = self.call.rfile.read1(min(count, PIECE))
            if not piece:
                raise Refused(400, 'the body breaks off')
            count -= len(piece)
            yield piece


def to_number(text, base):
    if not re.fullmatch('[0-9]{1,15}' if base == 10 else '[0-9a-fA-F]{1,15}', text):
        raise Refused(400, 'the length of the body is no number')
    return int(text, base)

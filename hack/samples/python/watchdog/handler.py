import json
import os
import sys
import threading
from urllib.parse import parse_qs, unquote

from .config import COMMAND, until_cut
from .log import say

if not COMMAND:
    from function import handler

TEXT = 'text/plain; charset=utf-8'


class Query(dict):
    """The first value of each name; `getlist` has all."""

    def __init__(self, text):
        self.lists = parse_qs(text, keep_blank_values=True)
        super().__init__({name: values[0] for name, values in self.lists.items()})

    def getlist(self, name):
        return self.lists.get(name, [])


class Event:
    def __init__(self, call, body):
        self.body = body
        self.headers = call.headers
        self.method = call.command
        self.query = Query(call.query)
        self.path = unquote(call.route)


class Context:
    hostname = os.environ.get('HOSTNAME', 'localhost')


def run_handler(call, body, ended):
    """Answers with what the handler returns. `ended` is not set while it runs, be that after the time for it was over."""
    found = []
    ended.clear()

    def work():
        try:
            found.append(to_answer(handler.handle(Event(call, body), Context())))
        except Exception as err:
            say(f'{type(err).__name__}: {err}', to=sys.stderr)
            found.append((500, f'{err}\n'.encode(), [('Content-Type', TEXT)]))
        finally:
            ended.set()

    threading.Thread(target=work, daemon=True).start()
    if ended.wait(until_cut()):
        call.answer(*found[0])
    else:
        call.fail(504, 'exec_timeout or write_timeout is over')


def to_answer(value):
    """Status, body and headers of what a handler returned. Throws when they cannot be sent."""
    status, headers = 200, {}
    if isinstance(value, dict):
        status, headers, value = value.get('statusCode', 200), value.get('headers', {}), value.get('body', '')
    elif isinstance(value, tuple):
        value, status, headers = (*value, 200, {})[: max(3, len(value))] if len(value) != 2 else (*value, {})
    body, kind = encode(value)
    pairs = [(str(name), str(text)) for name, text in (headers.items() if isinstance(headers, dict) else headers)]
    if any(set(name + text) & set('\r\n\0') for name, text in pairs):
        raise ValueError('a header of the handler has a line break in it')
    if not any(name.lower() == 'content-type' for name, _ in pairs):
        pairs.append(('Content-Type', kind))
    return int(status), body, [(name.encode('latin-1').decode('latin-1'), text) for name, text in pairs]


def encode(value):
    if value is None:
        return b'', TEXT
    if isinstance(value, (bytes, bytearray)):
        return bytes(value), 'application/octet-stream'
    return (json.dumps(value).encode(), 'application/json') if isinstance(value, (dict, list)) else (str(value).encode(), TEXT)

"""Environment of the watchdog. Times are those of Go (`1m30s`), a bare number being seconds; 0 is no limit.

port            8080
fprocess        a command that is run for each call, in place of function/handler.py; its words are parted by spaces
mode            of fprocess: `streaming`, or `serializing`, which holds the output until it is known how the command ended
content_type    of what fprocess says: application/octet-stream
exec_timeout    10s; then 504, and the command is killed
read_timeout    10s for a request; then 408
write_timeout   10s for a call with its answer; then it is cut. So long have running calls after SIGTERM, too
max_inflight    0; calls beyond get 429
ready_path      what `/_/ready` asks the function for, instead of answering by itself
max_body_bytes  10485760 for function/handler.py; beyond 413
"""
import os
import re
import sys

UNITS = {'h': 3600, 'm': 60, 's': 1, 'ms': 1e-3, 'us': 1e-6, 'µs': 1e-6, 'ns': 1e-9}
PART = r'(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)'


def seconds(name, otherwise):
    """None is no limit."""
    text = os.environ.get(name) or otherwise
    if text.isdecimal():
        return float(text) or None
    parts = re.findall(PART, text)
    if ''.join(map(''.join, parts)) != text:
        refuse(name, text, 'a time such as 1m30s')
    return sum(float(count) * UNITS[unit] for count, unit in parts) or None


def number(name, otherwise):
    text = os.environ.get(name) or str(otherwise)
    if not text.isdecimal():
        refuse(name, text, 'a number')
    return int(text)


def refuse(name, text, wanted):
    sys.exit(f'{name}={text}: must be {wanted}')


PORT = number('port', 8080)
COMMAND = (os.environ.get('fprocess') or os.environ.get('function_process') or '').split()
IS_HELD = os.environ.get('mode') == 'serializing'
CONTENT_TYPE = os.environ.get('content_type') or 'application/octet-stream'
EXEC_SECONDS = seconds('exec_timeout', '10s')
READ_SECONDS = seconds('read_timeout', '10s')
WRITE_SECONDS = seconds('write_timeout', '10s')
MAX_INFLIGHT = number('max_inflight', 0)
READY_PATH = os.environ.get('ready_path') or ''
MAX_BODY_BYTES = number('max_body_bytes', 10 * 1024 * 1024)


def until_cut():
    """Seconds that a call may take, whichever limit is the first."""
    return min((limit for limit in (EXEC_SECONDS, WRITE_SECONDS) if limit is not None), default=None)

import os
import signal
import subprocess
import threading

from .body import PIECE, Refused
from .config import COMMAND, CONTENT_TYPE, IS_HELD, READ_SECONDS, until_cut

running = set()
# Between its start and its place in `running`, nobody may take a command for an orphan.
starting = threading.Lock()


def run_command(call, body):
    """Runs the command with the body as its input, and answers with its output."""
    process = start(call)
    overdue = threading.Event()
    limit = until_cut()
    timer = threading.Timer(limit or 0, lambda: (overdue.set(), kill_group(process)))
    if limit is not None:
        timer.start()
    feeder = threading.Thread(target=feed, args=(process, body, call), daemon=True)
    feeder.start()
    try:
        pass_output(call, process, overdue)
    finally:
        timer.cancel()
        kill_group(process)
        process.wait()
        reap(process)
    # The next request begins where this body ends.
    feeder.join(READ_SECONDS)
    if feeder.is_alive():
        call.close_connection = True


def start(call):
    with starting:
        try:
            process = subprocess.Popen(
                COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=command_env(call), start_new_session=True
            )
        except OSError as err:
            raise Refused(500, f'{COMMAND[0]} cannot be started: {err}') from err
        running.add(process.pid)
        return process


def feed(process, body, call):
    """Gives it the body; what it does not read is read for the sake of the next request."""
    is_open = True
    try:
        for piece in body.pieces():
            is_open = is_open and write(process.stdin, piece)
    except (Refused, OSError):
        call.close_connection = True
        kill_group(process)  # half of a body is none
    write(process.stdin, b'', is_last=True)


def write(pipe, piece, is_last=False):
    try:
        pipe.write(piece)
        pipe.close() if is_last else pipe.flush()
        return True
    except BrokenPipeError:
        return False


def pass_output(call, process, overdue):
    """Passes it on as it comes; the head waits for the first of it, or for all when it is held, as the command may fail before."""
    held = []
    while piece := process.stdout.read1(PIECE):
        if IS_HELD:
            held.append(piece)
        else:
            call.stream(piece, [('Content-Type', CONTENT_TYPE)])
    status = process.wait()
    if overdue.is_set():
        call.fail(504, 'exec_timeout or write_timeout is over')
    elif status != 0:
        call.fail(500, f'exit status {status}' if status > 0 else f'signal: {-status}')
    elif call.is_answered:
        call.end_stream()
    else:
        call.answer(200, b''.join(held), [('Content-Type', CONTENT_TYPE)])


def command_env(call):
    """Names as Go writes them: `x-call-id` is `Http_X_Call_Id`."""
    env = dict(os.environ)
    for name, value in reversed(call.headers.items()):
        env['Http_' + '_'.join(word.capitalize() for word in name.split('-'))] = value
    env.update(Http_Method=call.command, Http_Path=call.route)
    if call.query:
        env['Http_Query'] = call.query
    return env


def kill_group(process):
    """Ends it with all that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def reap(process):
    """Forgets it, and buries what commands left behind: that is a child of process 1, which this is."""
    with starting:
        running.discard(process.pid)
        try:
            while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and found.si_pid not in running:
                os.waitpid(found.si_pid, os.WNOHANG)
        except ChildProcessError:
            pass

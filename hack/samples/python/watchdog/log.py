import sys


def say(text, to=sys.stdout):
    """Writes a line at once, so that those of calls beside it do not come between."""
    to.write(f'{text}\n')
    to.flush()

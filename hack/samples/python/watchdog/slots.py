import threading

from .config import MAX_INFLIGHT, WRITE_SECONDS


class Slots:
    """The calls under way."""

    def __init__(self):
        self.changed = threading.Condition()
        self.count = 0
        self.is_draining = False

    def is_full(self):
        return 0 < MAX_INFLIGHT <= self.count

    def take(self, is_probe=False):
        """False when there are as many as may be, which is no matter to a probe."""
        with self.changed:
            if self.is_full() and not is_probe:
                return False
            self.count += 1
            return True

    def release(self):
        with self.changed:
            self.count -= 1
            self.changed.notify_all()

    def drain(self):
        """Waits until none is left, or the time for that is over; how many are left."""
        self.is_draining = True
        with self.changed:
            self.changed.wait_for(lambda: self.count == 0, WRITE_SECONDS)
            return self.count


slots = Slots()

"""Admission: so many requests worked on at once, so many waiting, the rest told to come back."""

from __future__ import annotations

import threading
from types import TracebackType

# What a caller who is turned away is told to wait, seconds.
RETRY_AFTER = 2


class Busy(Exception):
    """All places are taken, the queue's too."""


class Place:
    """A place that has been given: ``with`` waits until the work may begin, and gives it back.

    Taking it twice is a mistake; giving it back twice is not.
    """

    def __init__(self, work: threading.Semaphore, all_: threading.Semaphore) -> None:
        self._work = work
        self._all = all_
        self._held = True
        self._working = False

    def __enter__(self) -> None:
        self._work.acquire()
        self._working = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()

    def leave(self) -> None:
        """Give the place back, whether work began or not."""
        if self._working:
            self._working = False
            self._work.release()
        if self._held:
            self._held = False
            self._all.release()


class Admission:
    """Places for the work that answers questions; the pool of threads is sized from it."""

    def __init__(self, workers: int, queue: int) -> None:
        """Args:
        workers: requests worked on at once.
        queue: requests that may wait besides.
        """
        self._work = threading.Semaphore(workers)
        self._all = threading.Semaphore(workers + queue)

    def enter(self) -> Place:
        """A place, or the news that there is none; never waits.

        Raises:
            Busy: as many are waiting as may wait.
        """
        if not self._all.acquire(blocking=False):
            raise Busy
        return Place(self._work, self._all)

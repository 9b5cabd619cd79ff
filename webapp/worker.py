"""gunicorn's threaded worker with one change: when it is told to stop, it first takes every waiting connection.

gunicorn leaves the listening socket open until the last request is done, and drops the connections that the kernel
accepted meanwhile.
"""

from typing import Any

from gunicorn.workers.gthread import ThreadWorker


class DrainingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A ThreadWorker that loses no connection when it stops."""

    sockets: list[Any]

    def set_accept_enabled(self, enabled: bool) -> None:
        """Start or stop listening; at the end accept what waits and close, so that new clients are refused at once."""
        super().set_accept_enabled(enabled)
        if self.alive:
            return
        for listener in self.sockets:
            accepted = -1
            while accepted != self.nr_conns:
                accepted = self.nr_conns
                self.accept(listener)
            listener.close()
        self.sockets = []

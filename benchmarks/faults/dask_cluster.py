"""A Dask cluster of two worker processes that prints its address and ends with its standard input."""

import sys

import stages  # noqa: F401  # isort: skip  # before numpy: it fixes what decides the last bits of a float

from distributed import LocalCluster

if __name__ == "__main__":
    with LocalCluster(  # type: ignore[no-untyped-call]
        host="127.0.0.1", n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", processes=True
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()

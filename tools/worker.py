"""A Dask worker whose arithmetic is that of the stages, for `compute.backend: dask`.

It takes the options of `dask worker`. Start it in the repository root that the stages run in: it reads and writes the
parts there. Importing `stages` first fixes what decides the last bits of a float, in this process and in those that it
starts. Run: python -m tools.worker tcp://HOST:8786 --nthreads 1
"""

import stages  # noqa: F401  # isort: skip  # before numpy

from distributed.cli.dask_worker import main

if __name__ == "__main__":
    main(prog_name="python -m tools.worker")

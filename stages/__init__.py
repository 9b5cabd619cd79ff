"""The pipeline: one standalone script per stage, run as `python -m stages.NAME` from the repository root.

Before numpy is loaded, importing this package fixes what decides the last bits of a float, so that every machine gets
the same bytes: one thread for BLAS and OpenMP (the order of a sum), one BLAS kernel, and no AVX-512 in numpy (its exp
and log round differently). It overrules the environment, and worker processes inherit it.

It also makes a stage die with the DVC that runs it, has Arrow return freed memory at once, and keeps the garbage
collector from scanning imported objects over and over, which takes a quarter of the time of the imports.
"""

import atexit
import gc
import os
import platform

from stages.utils.parent_death import die_with_dvc

die_with_dvc()
gc.set_threshold(100_000)  # objects, instead of 700: imported modules are not garbage
atexit.register(gc.freeze)  # and not worth scanning at exit

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ[name] = "1"
if platform.machine() in ("x86_64", "AMD64"):
    os.environ["OPENBLAS_CORETYPE"] = "Haswell"
    os.environ["NPY_DISABLE_CPU_FEATURES"] = "X86_V4 AVX512_ICL AVX512_SPR"
os.environ.pop("NPY_ENABLE_CPU_FEATURES", None)
os.environ["MPLBACKEND"] = "Agg"
os.environ["MIMALLOC_PURGE_DELAY"] = "0"  # milliseconds; Arrow's allocator keeps some 70 MB otherwise

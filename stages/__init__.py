"""The pipeline: one standalone script a stage, run as `python -m stages.NAME` from the repository root.

Importing this package fixes what decides the last bits of a float, before numpy is loaded: one thread for BLAS and
OpenMP (the order of a sum), one BLAS kernel, and no AVX-512 in numpy (its exp and log round differently). Worker
processes inherit the environment. Values set from outside are overruled: same bytes on every machine.
It also ties a stage's life to that of the DVC that runs it, before the long imports, and keeps the garbage collector
from looking through what they bring again and again: a quarter of the time that they take.
"""

import atexit
import gc
import os
import platform

from stages.utils.parent_death import die_with_dvc

die_with_dvc()
gc.set_threshold(100_000)  # objects, in place of 700: what is imported is no garbage
atexit.register(gc.freeze)  # nor is it worth looking through at the end

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ[name] = "1"
if platform.machine() in ("x86_64", "AMD64"):
    os.environ["OPENBLAS_CORETYPE"] = "Haswell"
    os.environ["NPY_DISABLE_CPU_FEATURES"] = "X86_V4 AVX512_ICL AVX512_SPR"
os.environ.pop("NPY_ENABLE_CPU_FEATURES", None)
os.environ["MPLBACKEND"] = "Agg"

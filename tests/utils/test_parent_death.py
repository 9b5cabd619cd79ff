"""Parent death: a stage starts where the kernel cannot watch DVC for it. tests/pipeline/test_crash.py has the kills."""

import os
import subprocess
import sys

from tests.helpers.project import ROOT
from tests.helpers.skipping import needs

OLD_KERNEL = "import os; del os.pidfd_open; import stages; print('imported')"


def test_stage_starts_without_pidfd_open() -> None:
    needs("dash")  # which stays between DVC and the stage
    done = subprocess.run(
        ["dash", "-c", f'"{sys.executable}" -c "{OLD_KERNEL}"; true'],
        cwd=ROOT,
        env={**os.environ, "DVC_ROOT": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "imported\n", done.stderr

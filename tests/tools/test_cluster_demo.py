"""The cluster demo: a Dask cluster does not change a byte, and the checkout is as it was."""

import pytest

from tests.helpers.project import Project


@pytest.mark.slow
def test_dask_does_not_change_a_byte(project: Project) -> None:
    done = project.run("python", "-m", "tools.cluster_demo", check=True)
    assert "dashboard at http://127.0.0.1:" in done.stdout
    assert done.stdout.splitlines()[-1] == "every output has the same bytes as without the cluster"
    assert project.git("status", "--porcelain", "--ignored", "--", ":!*__pycache__*") == ""

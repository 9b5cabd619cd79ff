"""`dvc push` and `dvc pull` that end in time, with one line that names the cause and the fix."""

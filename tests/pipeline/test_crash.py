"""A kill, a full disk, an interruption or an error leaves nothing half-written; the last good outputs come back."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.utils.files import replacing
from tests.helpers.pipeline import STAGES, digests, inject
from tests.helpers.processes import PATIENCE, end, family, is_alive, wait_until
from tests.helpers.project import Project
from tests.helpers.skipping import needs, skip

SOON = 2  # seconds within which a process must be gone
NOTE_AND_SLEEP = """\
import os, time
Path(f"logs/pid-{os.getpid()}").touch()
time.sleep(300)"""


def start(project: Project, *command: str, shell: str = "") -> "subprocess.Popen[str]":
    """Start a command in the project, in a process group of its own; DVC runs its stages in `shell`."""
    environment = {
        **os.environ,
        "SHELL": shell,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    return subprocess.Popen(
        command,
        cwd=project.path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def sleepers(project: Project) -> set[int]:
    """The processes that have noted that they sleep."""
    return {int(path.name.removeprefix("pid-")) for path in (project.path / "logs").glob("pid-*")}


def leftovers(project: Project) -> list[str]:
    """Half-written outputs."""
    return sorted(str(path.relative_to(project.path)) for path in project.path.rglob(".partial.*"))


def said(stderr: str, stage: str) -> str:
    """The line of a stage that has failed as it should, with a second one (not for ingest) on getting outputs back."""
    lines = stderr.strip("\n").splitlines()
    assert len(lines) == (1 if stage == "ingest" else 2), stderr
    assert all(line.startswith(f"{stage:<8}  ") for line in lines), stderr
    assert lines[1:] == [f"{stage:<8}  {hint(stage)}"][: len(lines) - 1]
    return lines[0][10:]


def hint(stage: str) -> str:
    """The hint of a stage after a failure."""
    return f"to get its last good outputs back: dvc checkout --force {stage} && git restore metrics models plots"


# ---------------------------------------------------------------- kill -9


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
@pytest.mark.parametrize(("shell", "workers"), [("sh", 1), ("bash", 1), ("bash", 2)])
def test_stage_and_its_workers_die_with_dvc(built: Project, shell: str, workers: int) -> None:
    """Some shells stay between DVC and the stage, others become the stage."""
    needs(shell)
    validate = built.path / "stages/validate.py"
    script = validate.read_text()
    outputs = digests(built)
    if workers > 1:
        built.edit("config.yaml", compute__part_rows=100, compute__workers=workers, compute__backend="processes")
        built.stages("ingest")
    inject(validate, "validate_part", NOTE_AND_SLEEP)

    where = shutil.which(shell) or ""
    dvc = start(built, "dvc", "repro", "--force", "--single-item", "validate", shell=where)
    children: set[int] = set()
    try:
        assert wait_until(lambda: len(sleepers(built)) == workers, PATIENCE), dvc.communicate(timeout=1)
        children = family(dvc.pid)
        assert sleepers(built) <= children
        assert len(children) > workers or workers == 1
        assert not (built.path / "data/valid").exists(), "DVC has removed the outputs, and the stage runs"
        os.kill(dvc.pid, signal.SIGKILL)
        dvc.wait(SOON)
        gone = wait_until(lambda: not any(map(is_alive, children)), SOON)
        assert gone, [Path(f"/proc/{pid}/cmdline").read_text() for pid in children if is_alive(pid)]
    finally:
        end(dvc, children)
    assert not (built.path / "data/valid").exists()

    validate.write_text(script)  # the next run repairs what the dead one left: its lock, half-written files
    built.git("restore", "config.yaml")
    built.dvc("repro", "--force", "--single-item", "ingest")
    done = built.dvc("repro", "validate")
    assert "Running stage 'validate'" in done.stdout or "Stage 'validate' is cached" in done.stdout
    assert digests(built) == outputs
    assert leftovers(built) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_stage_that_is_still_importing_when_dvc_dies_writes_nothing(built: Project) -> None:
    """DVC may die before the stage has asked to be told; it has to look whether its parent is still there."""
    with (built.path / "stages/utils/stage.py").open("r+") as file:  # an import that takes a while
        script = file.read()
        file.seek(0)
        note = "from pathlib import Path\nimport os\nimport time\n\n"
        wait = 'Path(f"logs/pid-{os.getpid()}").touch()\ntime.sleep(1)\n'
        imports = script.index("LOG_DIR = ")
        file.write(script[:imports] + note + wait + script[imports:])
    dvc = start(built, "dvc", "repro", "--force", "--single-item", "validate", shell=shutil.which("bash") or "")
    children: set[int] = set()
    try:
        assert wait_until(lambda: len(sleepers(built)) == 1, PATIENCE), dvc.communicate(timeout=1)
        children = family(dvc.pid)
        assert sleepers(built) <= children
        os.kill(dvc.pid, signal.SIGKILL)
        dvc.wait(SOON)
        assert wait_until(lambda: not any(map(is_alive, children)), PATIENCE)
    finally:
        end(dvc, children)
    assert not (built.path / "data/valid").exists(), "the stage has gone on without DVC"
    assert not (built.path / "metrics/validation.json").exists()


@pytest.mark.slow
def test_kill_between_parts_leaves_no_output(built: Project) -> None:
    built.edit("config.yaml", compute__part_rows=100, compute__workers=1)
    names = ("ingest", "validate", "split")
    built.stages(*names)
    expected = digests(built)
    tables = built.path / "stages/table/parts.py"
    script = tables.read_text()
    for name in names:
        for out in STAGES[name].outs:  # as DVC does before it runs a stage
            path = built.path / out
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        inject(
            tables, "write_part", 'import os\nif str(name).endswith(("3", "3.parquet")):\n    os.kill(os.getpid(), 9)'
        )
        done = built.stage(name)
        assert done.returncode == -signal.SIGKILL
        assert leftovers(built) != [], "parts had been written"
        assert [out for out in STAGES[name].outs if (built.path / out).exists()] == []
        tables.write_text(script)
        built.stage(name, check=True)
        assert leftovers(built) == []
        assert digests(built) == expected


def test_directory_survives_an_interruption_while_it_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "table"
    table.mkdir()
    (table / "part").write_text("old")
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if self.name == ".partial.table":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)

    def replace() -> None:
        with replacing(table) as partial:
            partial.mkdir()
            (partial / "part").write_text("new")

    with pytest.raises(KeyboardInterrupt):
        replace()
    assert (table / "part").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


@pytest.mark.slow
def test_what_dvc_would_trust_is_read_first(built: Project) -> None:
    """A damaged object in DVC's cache, here a copy of a metric that is in git, and DVC's list of files in use."""
    expected = digests(built)
    md5 = expected["metrics/train.json"]
    damaged = built.path / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes().replace(b"0", b"1", 1))
    damaged.chmod(0o444)
    for command in (["make", "-o", ".venv/bin/.pipeline", "repro"], ["python", "-m", "tools.sweep", "train.alpha=1"]):
        done = built.run(*command)
        assert done.returncode != 0
        line = done.stderr.splitlines()[0]
        assert line.startswith("damaged in the cache: metrics/train.json; run `rm -f .dvc/cache/files/md5/")
    built.run("sh", "-c", line.split("`")[1], check=True)
    built.dvc("repro")
    assert digests(built) == expected

    (built.path / ".dvc/tmp/rwlock").write_text("")  # as a DVC that is killed while it writes leaves it
    assert built.dvc("repro", "--force", "--single-item", "split", check=False).returncode != 0
    done = built.run("python", "-m", "tools.dvc_cache")
    assert done.stderr == ".dvc/tmp/rwlock: a DVC that was killed has left it half-written; run `rm .dvc/tmp/rwlock`\n"


# ---------------------------------------------------------------- full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of three megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        skip("a small file system cannot be mounted here (that takes root)")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kilobytes"), [("ingest", 8), ("validate", 8), ("features", 8)])
def test_full_disk_is_said_in_a_line(built: Project, small_disk: Path, name: str, kilobytes: int) -> None:
    for item in ("stages", "webapp", "data", "models", "metrics", "plots"):
        shutil.copytree(built.path / item, small_disk / item, ignore=shutil.ignore_patterns("__pycache__"))
    for item in ("config.yaml", "params.yaml", "schema.yaml"):
        shutil.copy(built.path / item, small_disk)
    with (small_disk / "fill").open("wb", buffering=0) as fill:
        size = 0
        while os.statvfs(small_disk).f_bavail:
            try:
                size += fill.write(bytes(4096))
            except OSError:
                break
        fill.truncate(size - kilobytes * 1024)
    project = Project(small_disk, env={"PYTHONDONTWRITEBYTECODE": "1"})
    before = digests(project)
    done = project.stage(name, in_process=False)
    assert done.returncode == 74, done.stderr
    assert "Traceback" not in done.stderr
    assert said(done.stderr, name).startswith("the disk is full: ")
    assert digests(project) == before
    assert leftovers(project) == []
    (small_disk / "fill").unlink()
    project.stage(name, check=True)
    assert digests(project) == before


# ---------------------------------------------------------------- errors and interruptions


@pytest.mark.slow
def test_unexpected_error_is_a_line_and_its_traceback_in_the_log(built: Project) -> None:
    before = digests(built)
    inject(built.path / "stages/splitting/summaries.py", "summarise", 'raise RuntimeError("no such luck\\nat all")')
    done = built.stage("split")
    assert done.returncode == 70
    assert said(done.stderr, "split") == "unexpected RuntimeError: no such luck (traceback: logs/split.log)"
    log = (built.path / "logs/split.log").read_text()
    assert "Traceback (most recent call last)" in log
    assert "in summarise" in log
    assert digests(built) == before
    assert leftovers(built) == []


@pytest.mark.slow
def test_error_in_a_worker_is_a_line(built: Project) -> None:
    built.edit("config.yaml", compute__part_rows=100, compute__workers=2)
    built.stages("ingest", "validate")
    before = digests(built)
    inject(
        built.path / "stages/split.py", "split_part", 'if "3" in item[0].name:\n    raise RuntimeError("no such luck")'
    )
    done = built.stage("split")
    assert done.returncode == 70
    assert said(done.stderr, "split") == "unexpected RuntimeError: no such luck (traceback: logs/split.log)"
    assert "in split_part" in (built.path / "logs/split.log").read_text()
    assert digests(built) == before
    assert leftovers(built) == []


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_interruption_is_a_line(built: Project, workers: int) -> None:
    """Ctrl-C in a terminal reaches the stage and its workers."""
    if workers > 1:
        built.edit("config.yaml", compute__part_rows=100, compute__workers=workers, compute__backend="processes")
        built.stages("ingest")
    before = digests(built)
    inject(built.path / "stages/validate.py", "validate_part", NOTE_AND_SLEEP)
    stage = start(built, "python", "-m", "stages.validate")
    children: set[int] = set()
    try:
        assert wait_until(lambda: len(sleepers(built)) == workers, PATIENCE), stage.communicate(timeout=1)
        children = family(stage.pid)
        os.killpg(stage.pid, signal.SIGINT)
        _, stderr = stage.communicate(timeout=PATIENCE)
        assert wait_until(lambda: not any(map(is_alive, children)), SOON)
    finally:
        end(stage, children)
    assert stage.returncode == 130
    assert "Traceback" not in stderr, stderr
    assert said(stderr, "validate") == "interrupted"
    assert digests(built) == before
    assert leftovers(built) == []


# ---------------------------------------------------------------- after a failure under DVC


def printed_command(output: str) -> str:
    """The command that a failed stage tells the user to run."""
    [command] = re.findall(r"to get its last good outputs back: (.+)", output)
    return str(command)


def fail_under_dvc(project: Project, *arguments: str, env: dict[str, str] | None = None) -> str:
    """Run `dvc repro`, which must fail; returns all it printed."""
    done = project.dvc("repro", *arguments, check=False, env=env)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    return str(done.stdout + done.stderr)


def check_restored(project: Project, command: str, expected: dict[str, str]) -> None:
    """Run the command as printed: every output must be back, byte for byte."""
    assert digests(project) != expected, "DVC has removed the outputs of the stage"
    project.run("sh", "-c", command, check=True)
    assert digests(project) == expected
    assert leftovers(project) == []


@pytest.mark.slow
def test_printed_command_brings_the_outputs_back(built: Project) -> None:
    """After each kind of failure that a user meets, and after one that comes before the stage has logged a word."""
    expected = digests(built)

    built.edit("params.yaml", features__leak_r2=0.2)
    output = fail_under_dvc(built)
    assert "features  schema.yaml: " in output
    assert "known only together with the target?" in output
    assert not (built.path / "models/features.joblib").exists()
    command = printed_command(output)
    assert command == "dvc checkout --force features && git restore metrics models plots"
    check_restored(built, command, expected)
    built.git("restore", "params.yaml")

    built.edit("params.yaml", split__by="group")
    output = fail_under_dvc(built)
    assert "no column has role: group" in output
    check_restored(built, printed_command(output), expected)
    built.git("restore", "params.yaml")

    for name in ("explore", "export"):
        output = fail_under_dvc(built, "--force", "--single-item", name, env={"LOG_LEVEL": "LOUD"})
        assert "LOG_LEVEL: found 'LOUD'; allowed: DEBUG, INFO, WARNING, ERROR" in output
        check_restored(built, printed_command(output), expected)

    assert built.dvc("status").stdout.strip() == "Data and pipelines are up to date."


@pytest.mark.slow
def test_refused_table_leaves_the_reasons_and_the_raw_rows(built: Project) -> None:
    expected = digests(built)
    schema = built.path / "schema.yaml"
    schema.write_text(schema.read_text().replace("maximum: 120", "maximum: 50", 1))
    output = fail_under_dvc(built)
    assert "Running stage 'ingest'" not in output
    assert "params.yaml: validate.max_invalid_fraction allows 5.0%" in output
    found = digests(built, "data/quarantine", "metrics")
    assert found["metrics/validation.json"] != expected["metrics/validation.json"], "the reasons are there to see"
    assert found["data/quarantine/part-00000.parquet"] != expected["data/quarantine/part-00000.parquet"]
    assert not (built.path / "data/valid").exists()
    assert digests(built, "data/raw") == {name: md5 for name, md5 in expected.items() if name.startswith("data/raw/")}
    check_restored(built, printed_command(output), expected)


@pytest.mark.slow
def test_failing_ingest_keeps_the_last_table(built: Project) -> None:
    expected = digests(built)
    built.edit("config.yaml", source__uri="data/source/none.csv")
    output = fail_under_dvc(built)
    assert "ingest    data/source/none.csv: no such file" in output
    assert "last good outputs" not in output, "they are where they were"
    assert digests(built) == expected
    broken = "a,b\n" + "1,2\n" * 100 + 'x,"open\n'
    (built.path / "data/source/none.csv").write_text(broken)  # read in part, then found broken
    built.edit("config.yaml", compute__part_rows=10)
    (built.path / "data/source/none.csv").write_bytes(broken.encode() + b"\xff\n")
    output = fail_under_dvc(built)
    assert "byte 0xff" in output
    found = digests(built)
    assert found.pop("data/source/none.csv")
    assert found == expected
    assert leftovers(built) == []

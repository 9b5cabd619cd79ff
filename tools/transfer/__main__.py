"""`dvc push` and `dvc pull` that end: in time, and in one line that names the cause and the mend.

The remote is tried before DVC starts and again while it works; when it has stopped answering, DVC is stopped: a large
transfer may take hours, a dead one does not. Run: make push, make pull (TARGETS="models/scorecard.json" for some)
"""

import json
import subprocess
import sys

from tools.doctor.cache import check_objects
from tools.transfer.probe import probe

PAUSE_SECONDS = 5  # between two looks at the remote while DVC works
STRIKES = 3  # looks in a row without an answer before DVC is stopped: 3 x (5 + 5) s
STEPS = {"push": ("identity", "bucket", "write"), "pull": ("identity", "bucket", "read")}


def transfer(action: str, targets: list[str]) -> str | None:
    """Push or pull; returns what went wrong and its mend, or None."""
    if action == "push" and (problem := damage()):
        return problem
    for step in probe(*STEPS[action]):
        if not step.ok:
            return step.text
    exit_code, problem = watched(["dvc", action, *targets])
    if problem:
        return problem
    if exit_code != 0:
        return missing_objects(targets) or f"DVC ended with exit code {exit_code}; its own lines are above"
    return damage() if action == "pull" else None


def damage() -> str | None:
    """The cached objects that are not what their names say, and how to get rid of them."""
    try:
        checked = check_objects()
    except ValueError as error:
        return str(error)
    return f"damaged in the cache: {checked.mend}" if checked.damaged else None


def watched(command: list[str]) -> tuple[int, str | None]:
    """Run DVC while the remote answers; returns its exit code and, if it was stopped, why."""
    strikes = 0
    with subprocess.Popen(command) as process:
        while True:
            try:
                return process.wait(PAUSE_SECONDS), None
            except subprocess.TimeoutExpired:
                [step] = probe("bucket")
                strikes = 0 if step.ok else strikes + 1
            if strikes == STRIKES:
                process.kill()  # it would go on trying, object by object
                return process.wait(), f"stopped: {step.text}"


def missing_objects(targets: list[str]) -> str | None:
    """After a pull that failed: which objects the bucket lacks, and which it has in a damaged form."""
    command = ["dvc", "data", "status", "--not-in-remote", "--granular", "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=45)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0:
        return None
    status = {key: set(paths) for key, paths in json.loads(done.stdout).items() if isinstance(paths, list)}
    wanted = {path for path in status["not_in_cache"] if not targets or any(is_under(path, name) for name in targets)}
    if lacking := ", ".join(sorted(wanted & status.get("not_in_remote", set()))):
        return f"not in the bucket: {lacking}; whoever has them runs `make push`, or make them: `make repro`"
    if damaged := ", ".join(sorted(wanted)):
        return f"damaged or unreadable in the bucket: {damaged}; delete them there, then `make push` from a good clone"
    return None


def is_under(path: str, target: str) -> bool:
    """Whether a path is the target or lies in it."""
    return f"{path}/".startswith(target.rstrip("/") + "/")


def main() -> None:
    action, *targets = sys.argv[1:]
    problem = transfer(action, targets)
    print(f"{action}: {problem or 'done'}", file=sys.stderr if problem else sys.stdout)
    sys.exit(bool(problem))


if __name__ == "__main__":
    main()

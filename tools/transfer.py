"""Run `dvc push` or `dvc pull` so that it ends in time, and in one line that names the cause and the fix.

The bucket is asked before DVC starts, and again while DVC works; when it no longer answers, DVC is stopped: a large
transfer may take hours, a dead one must not. Run: make push, make pull (TARGETS="models/scorecard.json" for some)
"""

import json
import subprocess
import sys

from stages.utils.errors import PipelineError
from stages.utils.parent_death import die_with_parent
from tools.commands import environment, failure_in_one_line, run
from tools.dvc_cache import check_cache
from tools.s3_remote import check_remote

PAUSE_SECONDS = 5  # between two questions to the bucket while DVC works
STRIKES = 3  # questions in a row without an answer before DVC is stopped: 3 x (5 + 5) s


def transfer(action: str, targets: list[str]) -> None:
    """Push or pull.

    Raises:
        PipelineError: it failed, or an object in the cache is damaged.
    """
    if action == "push":
        check_cache()
    check_remote(read=action == "pull", write=action == "push")
    exit_code = run_watched("dvc", action, *targets)
    if exit_code and action == "pull":  # a disk that was full may have cut DVC's index short, which a failure repairs
        exit_code = run_watched("dvc", action, *targets)
    missing = missing_objects(targets) if exit_code or action == "pull" else ""  # DVC takes a damaged listing as it is
    if exit_code or missing:
        raise PipelineError(missing or f"DVC ended with exit code {exit_code}; its lines are above")
    if action == "pull":
        check_cache()


def run_watched(*command: str) -> int:
    """Run DVC while the bucket answers; return its exit code.

    Raises:
        PipelineError: the bucket stopped answering, so DVC, which would try object by object, was stopped.
    """
    strikes = 0
    with subprocess.Popen(command, env=environment(), preexec_fn=die_with_parent) as process:
        while True:
            try:
                return process.wait(PAUSE_SECONDS)
            except subprocess.TimeoutExpired:
                try:
                    check_remote(read=False, write=False)
                    strikes = 0
                except PipelineError as error:
                    strikes += 1
                    if strikes == STRIKES:
                        process.kill()
                        raise PipelineError(f"stopped: {error}") from None


def missing_objects(targets: list[str]) -> str:
    """Name the outputs that a pull did not bring: the bucket lacks them, or they are damaged there."""
    try:
        status = json.loads(run("dvc", "data", "status", "--not-in-remote", "--granular", "--json", seconds=45))
    except PipelineError:
        return ""
    here = tuple(f"{target.rstrip('/')}/" for target in targets)
    wanted = {path for path in status.get("not_in_cache", []) if not targets or f"{path}/".startswith(here)}
    if lacking := ", ".join(sorted(wanted & set(status.get("not_in_remote", [])))):
        return (
            f"not in the bucket: {lacking}; ask whoever has them to run `make push`, or rebuild them with `make repro`"
        )
    damaged = ", ".join(sorted(wanted))
    hint = "delete them there, then `make push` from a good clone"
    return f"damaged or unreadable in the bucket: {damaged}; {hint}" if damaged else ""


if __name__ == "__main__":
    with failure_in_one_line(sys.argv[1]):
        transfer(sys.argv[1], sys.argv[2:])
    print(f"{sys.argv[1]}: done")

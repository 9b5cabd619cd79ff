"""The report of a pull request, as Markdown: gate, metrics, parameters, scorecard, pictures, against another commit.

Writes it to standard output and, on GitHub, to the job's summary. Exit 1 if the bucket lacks an object that dvc.lock
names: a merge would pin a model that nobody else can get. Run: python -m tools.pull_request origin/main [--offline]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from stages.utils.files import read_json
from tools.pull_request.scorecard_diff import describe_changes

SCORECARD = "models/scorecard.json"
HEADLINES = ("metrics/test.json", "metrics/train.json", "metrics/validation.json", "metrics/split.json")
SECONDS = 120  # that one command may take


def run(*command: str) -> str:
    """What a command prints.

    Raises:
        SystemExit: it failed.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise SystemExit(f"report: `{' '.join(command)}` took more than {SECONDS} s") from None
    if done.returncode != 0:
        raise SystemExit(f"report: `{' '.join(command)}` failed: {done.stderr.strip().splitlines()[0]}")
    return done.stdout.strip()


def gate_section(gate: dict[str, bool]) -> str:
    """The gate's verdict, and the checks that failed."""
    failed = [name for name, passed in gate.items() if not passed and name != "passed"]
    return "**Gate passed.**" if gate["passed"] else f"**Gate FAILED**: {', '.join(failed)}. It would not be deployed."


def diff_section(title: str, table: str) -> str:
    """A table of DVC's under a title; one line if nothing differs."""
    return f"### {title}\n\n{table or 'No change.'}"


def scorecard_section(base: str) -> str:
    """What the served model does otherwise, column by column."""
    new = Path(SCORECARD)
    if not new.exists():
        return f"### Scorecard\n\n{SCORECARD} is not here, so it was not compared."
    with tempfile.TemporaryDirectory() as scratch:
        old = Path(scratch, "scorecard.json")
        command = ["dvc", "get", "--quiet", ".", SCORECARD, "--rev", base, "--out", str(old)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            done = None
        if done is None or done.returncode != 0:
            return f"### Scorecard\n\nThe one of `{base}` cannot be had, so it was not compared."
        return f"### Scorecard\n\n{describe_changes(read_json(old), read_json(new))}"


def pictures_section(base: str) -> str:
    """The pictures in git that changed, before and now; on GitHub shown, elsewhere named."""
    changed = run("git", "diff", "--name-only", base, "--", "plots/*.png", "plots/**/*.png").splitlines()
    address, here = os.environ.get("PICTURES_URL"), run("git", "rev-parse", "HEAD")
    if not changed or not address:
        return diff_section("Pictures", "\n".join(f"- `{name}` changed" for name in changed))
    then, now = run("git", "rev-parse", base), os.environ.get("HEAD_SHA", here)
    rows = [f"| ![before]({address}/{then}/{name}) | ![now]({address}/{now}/{name}) |" for name in changed]
    return diff_section("Pictures", "\n".join(["| before | now |", "|---|---|", *rows]))


def not_pushed() -> list[str]:
    """The outputs of dvc.lock that the bucket lacks."""
    status: dict[str, Any] = json.loads(run("dvc", "data", "status", "--not-in-remote", "--granular", "--json"))
    return sorted(status.get("not_in_remote", []))


def main() -> None:
    parser = argparse.ArgumentParser(prog="pull_request", description="Compare this checkout with another commit.")
    parser.add_argument("base", help="the commit to compare with")
    parser.add_argument("--offline", action="store_true", help="do not ask the bucket")
    arguments = parser.parse_args()
    base = arguments.base
    missing = [] if arguments.offline else not_pushed()
    sections = [
        f"## Experiment against `{base}`",
        gate_section(read_json("metrics/test.json")["gate"]),
        diff_section("Metrics", run("dvc", "metrics", "diff", base, "--md", "--targets", *HEADLINES)),
        diff_section("Parameters", run("dvc", "params", "diff", base, "--md")),
        scorecard_section(base),
        pictures_section(base),
    ]
    if arguments.offline:
        sections.append("The bucket was not asked whether it has everything.")
    if missing:
        sections.insert(1, f"**Not pushed**: {', '.join(f'`{path}`' for path in missing)}. Run `make push`.")
    text = "\n\n".join(sections) + "\n"
    print(text, end="")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(text)
    if missing:
        sys.exit(f"report: not in the bucket: {', '.join(missing)}; run `make push`")


if __name__ == "__main__":
    main()

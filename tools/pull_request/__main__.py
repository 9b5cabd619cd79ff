"""Write the report of a pull request as Markdown: gate, metrics, parameters, scorecard and pictures against a commit.

It goes to standard output and, on GitHub, to the job's summary. Exit 1 if the bucket lacks an object that dvc.lock
names: a merge would pin a model that nobody else can get. Run: python -m tools.pull_request origin/main [--offline]
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from stages.model_card.markdown import Markdown, render
from stages.utils.errors import PipelineError
from stages.utils.files import read_json
from stages.utils.metrics_files import (
    EvaluationMetrics,
    SplitMetrics,
    TrainMetrics,
    ValidationMetrics,
    read_metrics,
)
from tools.commands import failure_in_one_line, git, run
from tools.pull_request.scorecard_diff import describe_changes

SCORECARD = "models/scorecard.json"
HEADLINES = (EvaluationMetrics.path, TrainMetrics.path, ValidationMetrics.path, SplitMetrics.path)
TEMPLATE = Path(__file__).with_name("report.md.jinja")
SECONDS = 120  # for one command


def scorecard_changes(base: str) -> str:
    """Describe how the served model differs from that of another commit, column by column."""
    new = Path(SCORECARD)
    if not new.exists():
        return f"{SCORECARD} is not here, so it was not compared."
    with tempfile.TemporaryDirectory() as scratch:
        old = Path(scratch, "scorecard.json")
        try:
            run("dvc", "get", "--quiet", ".", SCORECARD, "--rev", base, "--out", old, seconds=SECONDS)
        except PipelineError:
            return f"The scorecard of `{base}` is not available, so it was not compared."
        return describe_changes(read_json(old), read_json(new))


def changed_pictures(base: str) -> str:
    """Show the pictures in git that changed, before and now; without PICTURES_URL, name them."""
    changed = git("diff", "--name-only", base, "--", "plots/*.png", "plots/**/*.png").splitlines()
    address = os.environ.get("PICTURES_URL")
    if not changed or not address:
        return "\n".join(f"- `{name}` changed" for name in changed)
    then, now = git("rev-parse", base), os.environ.get("HEAD_SHA") or git("rev-parse", "HEAD")
    rows = [f"| ![before]({address}/{then}/{name}) | ![now]({address}/{now}/{name}) |" for name in changed]
    return "\n".join(["| before | now |", "|---|---|", *rows])


def not_pushed() -> list[str]:
    """List the outputs of dvc.lock that the bucket lacks."""
    status = run("dvc", "data", "status", "--not-in-remote", "--granular", "--json", seconds=SECONDS)
    return sorted(json.loads(status).get("not_in_remote", []))


def report(base: str, missing: list[str], offline: bool) -> str:
    """Compose the report."""
    metrics = run("dvc", "metrics", "diff", base, "--md", "--targets", *HEADLINES, seconds=SECONDS)
    tables = {
        "Metrics": metrics,
        "Parameters": run("dvc", "params", "diff", base, "--md", seconds=SECONDS),
        "Scorecard": scorecard_changes(base),
        "Pictures": changed_pictures(base),
    }
    sections = {title: Markdown(text) for title, text in tables.items()}
    gate = read_metrics(EvaluationMetrics).gate
    return render(TEMPLATE, base=base, missing=missing, gate=gate, sections=sections, offline=offline)


def main() -> None:
    parser = argparse.ArgumentParser(prog="pull_request", description="Compare this checkout with another commit.")
    parser.add_argument("base", help="the commit to compare with")
    parser.add_argument("--offline", action="store_true", help="do not ask the bucket")
    arguments = parser.parse_args()
    with failure_in_one_line("report"):
        missing = [] if arguments.offline else not_pushed()
        text = report(arguments.base, missing, arguments.offline)
    print(text, end="")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(text)
    if missing:
        sys.exit(f"report: not in the bucket: {', '.join(missing)}; run `make push`")


if __name__ == "__main__":
    main()

"""One deployment: remember the image that runs, deploy, check the result, roll back on failure.

Requests of strangers can set off the service's alarm: a rollout that it undid is tried once more.
"""

import sys
from pathlib import Path
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from deploy import stack
from deploy.aws import Patience, client, wait_for
from deploy.smoke import Expected, smoke_test, wait_until_healthy
from deploy.targets import SUCCEEDED, Operation, Target
from deploy.traffic import steady_requests
from stages.utils.errors import PipelineError

FOLDER = Path(__file__).parent


class Plan(NamedTuple):
    """The image to run, and where."""

    target: Target
    stack: str
    role: str | None  # that CloudFormation assumes
    image: str
    parameters: dict[str, str]
    expected: Expected
    patience: Patience
    traffic: float  # requests per second during the rollout, to a target with an alarm


class Outcome(NamedTuple):
    """The end of a deployment: the exit code, and one line for a person."""

    exit_code: int
    text: str


class AlarmRollbackError(PipelineError):
    """The service itself undid the rollout, because too many answers were 4xx or 5xx."""


def roll_out(plan: Plan) -> Outcome:
    """Deploy, check, and roll back on failure; once more if it was the alarm that failed it.

    Raises:
        PipelineError: the stack needs a person first; nothing was changed.
    """
    prepare_stack(plan)
    before = running(plan)
    address = address_of(plan) if before and plan.target.has_alarm else None
    with steady_requests(address, plan.traffic):
        for remark in ("", ", for the second time (docs/shipping.md, Rollouts)"):
            try:
                return attempt(plan, before)
            except AlarmRollbackError as error:
                outcome = roll_back(plan, before, f"{error}{remark}")
            if remark or outcome.exit_code == 2 or before is None:
                break
            print(f"deploy: {outcome.text}; trying once more", file=sys.stderr, flush=True)
    return outcome


def attempt(plan: Plan, before: str | None) -> Outcome:
    """Deploy and check; roll back on failure, unless the alarm did.

    Raises:
        AlarmRollbackError: it did; the stack still has to be brought back.
    """
    try:
        apply(plan, plan.image)
        address = address_of(plan)
        smoke_test(address, plan.expected, plan.patience)
    except AlarmRollbackError:
        raise
    except (PipelineError, BotoCoreError, ClientError) as error:
        return roll_back(plan, before, str(error))
    if before == plan.image:
        return Outcome(0, f"{plan.image} was already running at {address} and passes the smoke test")
    return Outcome(0, f"{plan.image} runs at {address}" + (f", in place of {before}" if before else ""))


def prepare_stack(plan: Plan) -> None:
    """Wait for an operation in progress; delete a stack whose creation failed.

    Raises:
        PipelineError: the stack needs a person.
    """
    status = stack.settle(plan.stack, plan.patience)
    if status in stack.NEVER_MADE:
        stack.delete(plan.stack, plan.patience)
    elif status.endswith("_FAILED"):
        raise PipelineError(f"stack {plan.stack} is {status}; repair it in the CloudFormation console first")


def running(plan: Plan) -> str | None:
    """Return the image that runs now."""
    arn = stack.outputs(plan.stack).get("ServiceArn")
    images = plan.target.images(arn) if arn else []
    return images[0] if images else None


def address_of(plan: Plan) -> str:
    """Return the public address."""
    url = stack.outputs(plan.stack)["Url"].rstrip("/")
    return url if "://" in url else f"https://{url}"


def apply(plan: Plan, image: str) -> None:
    """Update the stack to the image; wait for the stack and for the service's own operation.

    Raises:
        AlarmRollbackError: the service's alarm undid it.
        PipelineError: the image does not run.
    """
    arn = stack.outputs(plan.stack).get("ServiceArn")
    last = plan.target.last_operation(arn) if arn else None
    runs_already = arn is not None and plan.target.images(arn) == [image]
    changed = stack.put(plan.stack, FOLDER / plan.target.template, plan.parameters | {"ImageUri": image}, plan.role)
    status = stack.settle(plan.stack, plan.patience)
    arn = stack.outputs(plan.stack).get("ServiceArn")
    if changed and status not in stack.GOOD:
        if arn and (newest := plan.target.last_operation(arn)) and newest != last:
            check_alarms(newest)
        why = stack.reason(plan.stack) if status != stack.GONE else "it is gone"
        raise PipelineError(f"stack {plan.stack} is {status}: {why}")
    if arn is None:
        raise PipelineError(f"stack {plan.stack} is {status} and has no service")

    def poll() -> Operation | None:
        newest = plan.target.last_operation(arn)
        if newest is None or not newest.done:
            return None
        is_new = last is None or newest.id != last.id
        return newest if is_new or not changed or runs_already else None

    operation = wait_for(f"the operation of {arn}", poll, plan.patience)
    if changed and operation.status not in SUCCEEDED:
        check_alarms(operation)
        raise PipelineError(f"the operation ended in {operation.status}{operation.reason and ': ' + operation.reason}")
    if (images := plan.target.images(arn)) != [image]:
        raise PipelineError(f"{', '.join(images) or 'nothing'} runs, not {image}: it was rolled back silently")


def check_alarms(operation: Operation) -> None:
    """Raise AlarmRollbackError if an alarm ended the operation."""
    if operation.alarms:
        names = ", ".join(operation.alarms)
        raise AlarmRollbackError(f"alarm {names} rolled it back: more than 1% of the answers were 4xx or 5xx")


def roll_back(plan: Plan, before: str | None, why: str) -> Outcome:
    """Bring back the image that ran before."""
    try:
        found = stack.describe(plan.stack)
        if before is None:
            if found is not None:
                stack.delete(plan.stack, plan.patience)
            return Outcome(1, f"FAILED: {why}; nothing ran before, so the stack was deleted")
        if before == plan.image:
            return Outcome(2, f"FAILED: {why}; the same image ran before, so there is nothing to roll back to")
        if found is not None and found["StackStatus"] == "UPDATE_IN_PROGRESS":
            client("cloudformation").cancel_update_stack(StackName=plan.stack)
        stack.settle(plan.stack, plan.patience)
        apply(plan, before)
        wait_until_healthy(address_of(plan), plan.patience)
    except (PipelineError, BotoCoreError, ClientError) as error:
        return Outcome(2, f"FAILED: {why}; and rolling back to {before} FAILED: {error}")
    return Outcome(1, f"FAILED: {why}; {before} runs again")

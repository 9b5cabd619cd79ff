"""One deployment: remember what runs, deploy, check what runs then, go back if it is not right."""

from pathlib import Path
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from deploy import stack
from deploy.aws import DeployError, Patience, client, wait_for
from deploy.smoke import Expected, is_healthy, smoke_test
from deploy.targets import SUCCEEDED, Operation, Target

FOLDER = Path(__file__).parent


class Plan(NamedTuple):
    """What is to run, and where."""

    target: Target
    stack: str
    role: str | None  # that CloudFormation works as
    image: str
    parameters: dict[str, str]
    expected: Expected
    patience: Patience


class Outcome(NamedTuple):
    """How it ended: the exit code, and one line."""

    exit_code: int
    text: str


def roll_out(plan: Plan) -> Outcome:
    """Deploy, check, and go back on failure.

    Raises:
        DeployError: the stack is in a state that must be mended by hand first; nothing was changed.
    """
    make_ready(plan)
    before = running(plan)
    try:
        apply(plan, plan.image)
        address = address_of(plan)
        smoke_test(address, plan.expected, plan.patience)
    except (DeployError, BotoCoreError, ClientError) as error:
        return go_back(plan, before, str(error))
    if before == plan.image:
        return Outcome(0, f"{plan.image} was running already at {address} and passes the smoke test")
    return Outcome(0, f"{plan.image} runs at {address}" + (f", in place of {before}" if before else ""))


def make_ready(plan: Plan) -> None:
    """Wait for what somebody else has begun; clear away a stack that was never made whole.

    Raises:
        DeployError: the stack needs a person.
    """
    status = stack.settle(plan.stack, plan.patience)
    if status in stack.NEVER_MADE:
        stack.delete(plan.stack, plan.patience)
    elif status.endswith("_FAILED"):
        raise DeployError(f"stack {plan.stack} is {status}; mend it in the console of CloudFormation first")


def running(plan: Plan) -> str | None:
    """The image that runs now."""
    arn = stack.outputs(plan.stack).get("ServiceArn")
    images = plan.target.images(arn) if arn else []
    return images[0] if images else None


def address_of(plan: Plan) -> str:
    """The public address."""
    url = stack.outputs(plan.stack)["Url"].rstrip("/")
    return url if "://" in url else f"https://{url}"


def apply(plan: Plan, image: str) -> None:
    """Bring the stack to the image and wait, for the stack and for the service's own operation.

    Raises:
        DeployError: the image does not run.
    """
    arn = stack.outputs(plan.stack).get("ServiceArn")
    last = plan.target.last_operation(arn) if arn else None
    runs_already = arn is not None and plan.target.images(arn) == [image]
    changed = stack.put(plan.stack, FOLDER / plan.target.template, plan.parameters | {"ImageUri": image}, plan.role)
    status = stack.settle(plan.stack, plan.patience)
    if changed and status not in stack.GOOD:
        why = stack.reason(plan.stack) if status != stack.GONE else "it is gone"
        raise DeployError(f"stack {plan.stack} is {status}: {why}")
    arn = stack.outputs(plan.stack)["ServiceArn"]

    def look() -> Operation | None:
        newest = plan.target.last_operation(arn)
        if newest is None or not newest.done:
            return None
        is_ours = not changed or runs_already or last is None or newest.id != last.id
        return newest if is_ours else None

    operation = wait_for(f"the operation of {arn}", look, plan.patience)
    if changed and operation.status not in SUCCEEDED:
        raise DeployError(f"the operation ended in {operation.status}{operation.reason and ': ' + operation.reason}")
    if (images := plan.target.images(arn)) != [image]:
        raise DeployError(f"{', '.join(images) or 'nothing'} runs, not {image}: it was rolled back silently")


def go_back(plan: Plan, before: str | None, why: str) -> Outcome:
    """Bring back what ran before."""
    try:
        found = stack.describe(plan.stack)
        if before is None:
            if found is not None:
                stack.delete(plan.stack, plan.patience)
            return Outcome(1, f"FAILED: {why}; nothing ran before, so the stack was removed")
        if before == plan.image:
            return Outcome(2, f"FAILED: {why}; it was running before, so there is nothing to go back to")
        if found is not None and found["StackStatus"] == "UPDATE_IN_PROGRESS":
            client("cloudformation").cancel_update_stack(StackName=plan.stack)
        stack.settle(plan.stack, plan.patience)
        apply(plan, before)
        is_healthy(address_of(plan), plan.patience)
    except (DeployError, BotoCoreError, ClientError) as error:
        return Outcome(2, f"FAILED: {why}; and going back to {before} FAILED: {error}")
    return Outcome(1, f"FAILED: {why}; {before} runs again")

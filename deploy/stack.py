"""One CloudFormation stack: read its state, create, update and delete it."""

from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from deploy.aws import Patience, client, wait_for
from stages.utils.errors import PipelineError

GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
NEVER_MADE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "REVIEW_IN_PROGRESS")  # can only be deleted
GONE = "GONE"


def describe(name: str) -> dict[str, Any] | None:
    """Return the stack as CloudFormation describes it, None if there is none."""
    try:
        found: dict[str, Any] = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def outputs(name: str) -> dict[str, str]:
    """Return the outputs of a stack; empty if there is no such stack."""
    return {item["OutputKey"]: item["OutputValue"] for item in (describe(name) or {}).get("Outputs", [])}


def parameters(name: str) -> dict[str, str]:
    """Return the current parameters of a stack."""
    return {item["ParameterKey"]: item["ParameterValue"] for item in (describe(name) or {}).get("Parameters", [])}


def settle(name: str, patience: Patience) -> str:
    """Wait until no operation is in progress; return the stack's status, GONE if there is no such stack."""

    def poll() -> str | None:
        found = describe(name)
        status = GONE if found is None else str(found["StackStatus"])
        busy = status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"
        return None if busy else status

    return wait_for(f"stack {name}", poll, patience)


def put(name: str, template: Path, given: dict[str, str], role: str | None) -> bool:
    """Start to create or update the stack; parameters that are not given keep their values.

    Returns:
        False if there is nothing to change.
    """
    call: dict[str, Any] = {"StackName": name, "TemplateBody": template.read_text(encoding="utf-8")}
    if role:
        call["RoleARN"] = role
    values: list[dict[str, Any]] = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
    cloudformation = client("cloudformation")
    if describe(name) is None:
        cloudformation.create_stack(**call, Parameters=values)
        return True
    values += [{"ParameterKey": key, "UsePreviousValue": True} for key in parameters(name) if key not in given]
    try:
        cloudformation.update_stack(**call, Parameters=values)
    except ClientError as error:
        if "No updates are to be performed" in error.response["Error"]["Message"]:
            return False
        raise
    return True


def delete(name: str, patience: Patience) -> None:
    """Delete the stack and wait until it is gone.

    Raises:
        PipelineError: it cannot be deleted.
    """
    client("cloudformation").delete_stack(StackName=name)
    if (status := settle(name, patience)) != GONE:
        raise PipelineError(f"stack {name} cannot be deleted: {status}")


def reason(name: str) -> str:
    """Return why the last operation failed, in CloudFormation's words for the first resource that failed."""
    events = client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]  # newest first
    reasons = [str(event["ResourceStatusReason"]) for event in failed if "ResourceStatusReason" in event]
    return reasons[-1] if reasons else "CloudFormation gives no reason"

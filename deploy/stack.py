"""One CloudFormation stack: its state, and bringing it to a template and parameters."""

from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from deploy.aws import DeployError, Patience, client, wait_for

GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
NEVER_MADE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "REVIEW_IN_PROGRESS")  # can only be deleted
GONE = "GONE"


def describe(name: str) -> dict[str, Any] | None:
    """The stack as CloudFormation describes it, or None."""
    try:
        found: dict[str, Any] = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def outputs(name: str) -> dict[str, str]:
    """The outputs of a stack; none if it is not there."""
    return {item["OutputKey"]: item["OutputValue"] for item in (describe(name) or {}).get("Outputs", [])}


def parameters(name: str) -> dict[str, str]:
    """The parameters that a stack has been given."""
    return {item["ParameterKey"]: item["ParameterValue"] for item in (describe(name) or {}).get("Parameters", [])}


def settle(name: str, patience: Patience) -> str:
    """Wait until nothing is in progress; returns the stack's status, GONE if it is not there."""

    def look() -> str | None:
        found = describe(name)
        status = GONE if found is None else str(found["StackStatus"])
        busy = status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"
        return None if busy else status

    return wait_for(f"stack {name}", look, patience)


def put(name: str, template: Path, given: dict[str, str], role: str | None) -> bool:
    """Create or update the stack, without waiting; parameters not given stay as they are.

    Returns:
        False if nothing has to change.
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
    """Delete the stack and wait for its end.

    Raises:
        DeployError: it is still there.
    """
    client("cloudformation").delete_stack(StackName=name)
    if (status := settle(name, patience)) != GONE:
        raise DeployError(f"stack {name} cannot be deleted: {status}")


def reason(name: str) -> str:
    """Why the last operation failed: what CloudFormation says of the first resource that did."""
    events = client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    told = [
        event for event in events if event["ResourceStatus"].endswith("_FAILED") and "ResourceStatusReason" in event
    ]
    return str(told[-1]["ResourceStatusReason"]) if told else "CloudFormation gives no reason"

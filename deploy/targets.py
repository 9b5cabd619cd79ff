"""The two services: the image that each runs, and how its last operation ended.

We ask the service itself, because a stack may be wrong: CloudFormation reports an App Runner update that was rolled
back as a success.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from deploy.aws import client

SUCCEEDED = ("SUCCEEDED", "SUCCESSFUL")
FAILED = ("FAILED", "ROLLBACK_SUCCEEDED", "ROLLBACK_FAILED", "ROLLBACK_SUCCESSFUL", "STOPPED")


class Operation(NamedTuple):
    """A deployment as the service reports it."""

    id: str
    status: str
    reason: str = ""
    alarms: tuple[str, ...] = ()  # that rolled it back

    @property
    def done(self) -> bool:
        return self.status in SUCCEEDED + FAILED


class Target(NamedTuple):
    """The stack template of a service, and the two questions to it; both take the service's ARN."""

    template: str
    has_alarm: bool  # on the share of 4xx and 5xx, which can undo a rollout
    images: Callable[[str], list[str]]  # more than one image while a deployment is in progress
    last_operation: Callable[[str], Operation | None]


def apprunner_images(arn: str) -> list[str]:
    """Return the image of an App Runner service."""
    source = client("apprunner").describe_service(ServiceArn=arn)["Service"]["SourceConfiguration"]
    return [source["ImageRepository"]["ImageIdentifier"]]


def apprunner_operation(arn: str) -> Operation | None:
    """Return the newest operation of an App Runner service."""
    found = client("apprunner").list_operations(ServiceArn=arn)["OperationSummaryList"]
    newest = max(found, key=lambda operation: operation["StartedAt"], default=None)
    return newest and Operation(newest["Id"], newest["Status"])


def ecs_service(arn: str) -> dict[str, Any]:
    """Return the description of an ECS Express service."""
    found: dict[str, Any] = client("ecs").describe_express_gateway_service(serviceArn=arn)["service"]
    return found


def ecs_images(arn: str) -> list[str]:
    """Return the images of an ECS Express service."""
    return [revision["primaryContainer"]["image"] for revision in ecs_service(arn).get("activeConfigurations", [])]


def ecs_operation(arn: str) -> Operation | None:
    """Return the newest deployment of an ECS Express service."""
    cluster = ecs_service(arn).get("cluster", "default")
    found = client("ecs").list_service_deployments(service=arn, cluster=cluster)["serviceDeployments"]
    newest = max(found, key=lambda deployment: deployment["createdAt"], default=None)
    if newest is None:
        return None
    arn, status = newest["serviceDeploymentArn"], newest["status"]
    return Operation(arn, status, newest.get("statusReason", ""), triggered_alarms(arn) if status in FAILED else ())


def triggered_alarms(deployment_arn: str) -> tuple[str, ...]:
    """Return the alarms that ended a deployment; none if it failed for another reason."""
    answer = client("ecs").describe_service_deployments(serviceDeploymentArns=[deployment_arn])
    alarms = [deployment.get("alarms", {}) for deployment in answer["serviceDeployments"]]
    return tuple(name for found in alarms for name in found.get("triggeredAlarmNames", []))


TARGETS = {
    "apprunner": Target("service-apprunner.yaml", False, apprunner_images, apprunner_operation),
    "ecs-express": Target("service-ecs-express.yaml", True, ecs_images, ecs_operation),
}

"""A scripted fake of CloudFormation, App Runner, ECS and ECR on 127.0.0.1, asked by the real botocore; and of the web
app that they "run". It plays no more than the deploy script asks for, and follows the script of what deployments do.
"""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

ACCOUNT = "000000000000"
REPOSITORY = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/dvc-elasticnet"
ALARM = "dvc-elasticnet-faults"
ARN = f"arn:aws:fake:us-east-1:{ACCOUNT}:service/app"


@dataclass
class Aws:
    """An account: `script` says how the next deployments go, a word each."""

    script: list[str]
    image: str | None = None  # that runs
    status: str | None = None  # of the service's stack
    wanted: str | None = None  # image that the stack has been given
    operations: list[tuple[str, str]] = field(default_factory=list)  # id and status, as App Runner words it
    pushed: set[str] = field(default_factory=set)  # tags in ECR
    alarmed: set[str] = field(default_factory=set)  # operations that the alarm undid
    baking: bool = False  # the last operation waits for what the alarm says of its requests
    visits: int = 0  # of the app's page since the last deployment
    default_vpc: bool = True
    calls: list[str] = field(default_factory=list)
    app: dict[str, Any] = field(default_factory=dict)  # scorecard_md5, prediction
    url: str = ""

    def deploy(self, image: str) -> None:
        """Play the next deployment of the script."""
        word, first = self.script.pop(0), self.status is None
        kind = "CREATE" if first else "UPDATE"
        statuses = {
            "hangs": f"{kind}_IN_PROGRESS",
            "stack fails": "ROLLBACK_COMPLETE" if first else "UPDATE_ROLLBACK_COMPLETE",
            "alarm, stack fails": "UPDATE_ROLLBACK_COMPLETE",
        }
        self.status = statuses.get(word, f"{kind}_COMPLETE")
        outcomes = {
            "rolls back": "ROLLBACK_SUCCEEDED",
            "alarm": "ROLLBACK_SUCCEEDED",
            "alarm, stack fails": "ROLLBACK_SUCCEEDED",
            "operation fails": "FAILED",
            "operation hangs": "IN_PROGRESS",
            "bots": "IN_PROGRESS",
        }
        name = f"operation {len(self.operations)}"
        if word not in ("hangs", "stack fails"):
            self.operations.append((name, outcomes.get(word, "SUCCEEDED")))
        if word.startswith("alarm"):
            self.alarmed.add(name)
        if word in statuses:
            return
        self.wanted = image
        self.baking, self.visits, self.started = word == "bots", 0, time.monotonic()
        if word in ("works", "wrong model"):
            self.image = image
        self.app["scorecard_md5"] = "0" * 32 if word == "wrong model" else self.app["right_md5"]

    def bake(self) -> None:
        """End a deployment of which 1 in 20 requests of the public is bad: above 1% of all, the alarm undoes it."""
        if self.baking and (self.visits >= 100 or (self.visits == 0 and time.monotonic() > self.started + 0.5)):
            name, _ = self.operations.pop()
            undone, self.baking = 1 / (20 + self.visits) > 0.01, False
            self.operations.append((name, "ROLLBACK_SUCCEEDED" if undone else "SUCCEEDED"))
            if undone:
                self.alarmed.add(name)
            else:
                self.image = self.wanted

    # ------------------------------------------------------------ CloudFormation and EC2: forms in, XML out

    def cloudformation(self, form: dict[str, str]) -> tuple[int, str]:
        if form["Action"] == "DescribeVpcs":
            found = "<item><vpcId>vpc-1</vpcId></item>" * self.default_vpc
            return 200, f"<DescribeVpcsResponse><vpcSet>{found}</vpcSet></DescribeVpcsResponse>"
        action, name = form["Action"], form["StackName"]
        if action == "DescribeStacks" and name == "dvc-elasticnet":
            return 200, stack(name, "CREATE_COMPLETE", {"RepositoryUri": REPOSITORY, "StackRoleArn": f"{ARN}/role"}, {})
        if action == "DescribeStacks":
            if self.status is None:
                return 400, refusal(f"Stack with id {name} does not exist")
            has_service = self.status != "ROLLBACK_COMPLETE" and self.operations
            outputs = {"ServiceArn": ARN, "Url": self.url} if has_service else {}
            return 200, stack(
                name, self.status, outputs, {"ImageUri": self.wanted or "", "Bootstrap": "dvc-elasticnet"}
            )
        if action in ("CreateStack", "UpdateStack"):
            keys = [int(key.split(".")[2]) for key in form if key.endswith(".ParameterKey")]
            given = {form[f"Parameters.member.{n}.ParameterKey"]: n for n in keys}
            image = form[f"Parameters.member.{given['ImageUri']}.ParameterValue"]
            if action == "UpdateStack" and (self.status or "").startswith("ROLLBACK"):
                return 400, refusal(f"Stack is in {self.status} state and can not be updated.")
            if image == self.wanted:
                return 400, refusal("No updates are to be performed.")
            self.deploy(image)
            return 200, f"<{action}Response><{action}Result><StackId>1</StackId></{action}Result></{action}Response>"
        if action == "DeleteStack":
            self.status = None
        if action == "CancelUpdateStack":
            self.status = "UPDATE_ROLLBACK_COMPLETE"
        reason = "<ResourceStatusReason>Health check failed on port 8000</ResourceStatusReason>"
        event = f"<member><ResourceStatus>UPDATE_FAILED</ResourceStatus>{reason}</member>"
        return (
            200,
            f"<{action}Response><{action}Result><StackEvents>{event}</StackEvents></{action}Result></{action}Response>",
        )

    # ------------------------------------------------------------ the others: JSON in, JSON out

    def answer(self, action: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if action == "DescribeService":
            return 200, {"Service": {"SourceConfiguration": {"ImageRepository": {"ImageIdentifier": self.image}}}}
        if action == "ListOperations":
            rows = [{"Id": name, "Status": status, "StartedAt": n} for n, (name, status) in enumerate(self.operations)]
            return 200, {"OperationSummaryList": rows[::-1]}
        if action == "DescribeExpressGatewayService":
            return 200, {
                "service": {"cluster": "default", "activeConfigurations": [{"primaryContainer": {"image": self.image}}]}
            }
        if action == "DescribeServiceDeployments":
            [name] = body["serviceDeploymentArns"]
            alarms = {"status": "TRIGGERED", "alarmNames": [ALARM], "triggeredAlarmNames": [ALARM]}
            return 200, {"serviceDeployments": [{"alarms": alarms}] if name in self.alarmed else [{}]}
        if action == "ListServiceDeployments":
            self.bake()
            words = {"SUCCEEDED": "SUCCESSFUL", "ROLLBACK_SUCCEEDED": "ROLLBACK_SUCCESSFUL", "FAILED": "STOPPED"}
            rows = [
                {"serviceDeploymentArn": name, "status": words.get(status, status), "createdAt": n}
                for n, (name, status) in enumerate(self.operations)
            ]
            return 200, {"serviceDeployments": rows[::-1]}
        if action == "DescribeImages":
            tag = body["imageIds"][0]["imageTag"]
            if tag in self.pushed:
                return 200, {"imageDetails": [{"imageTags": [tag]}]}
            return 400, {"__type": "ImageNotFoundException", "message": f"no image {tag}"}
        token = base64.b64encode(b"AWS:secret").decode()
        return 200, {"authorizationData": [{"authorizationToken": token}]}

    def page(self, path: str) -> dict[str, Any]:
        """The answers of the app that runs."""
        self.visits += path == "/"
        version = {"git_sha": (self.image or "").rpartition(":")[2], "scorecard_md5": self.app["scorecard_md5"]}
        return {"/health": {"status": "ok"}, "/version": version}.get(path, {"prediction": self.app["prediction"]})


def stack(name: str, status: str, outputs: dict[str, str], parameters: dict[str, str]) -> str:
    """DescribeStacks' XML."""
    lists = ""
    for kind, values in (("Output", outputs), ("Parameter", parameters)):
        members = "".join(
            f"<member><{kind}Key>{key}</{kind}Key><{kind}Value>{escape(value)}</{kind}Value></member>"
            for key, value in values.items()
        )
        lists += f"<{kind}s>{members}</{kind}s>"
    made = "<CreationTime>2026-01-01T00:00:00Z</CreationTime>"
    member = f"<member><StackName>{name}</StackName><StackStatus>{status}</StackStatus>{made}{lists}</member>"
    result = f"<DescribeStacksResult><Stacks>{member}</Stacks></DescribeStacksResult>"
    return f"<DescribeStacksResponse>{result}</DescribeStacksResponse>"


def refusal(message: str) -> str:
    """CloudFormation's XML of an error."""
    return f"<ErrorResponse><Error><Code>ValidationError</Code><Message>{message}</Message></Error></ErrorResponse>"


@contextmanager
def serve(aws: Aws) -> Iterator[str]:
    """Serve the account and its app; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send(200, json.dumps(aws.page(self.path)), "application/json")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            target = self.headers.get("X-Amz-Target")
            if target:
                action = target.rpartition(".")[2]
                aws.calls.append(action)
                status, answer = aws.answer(action, json.loads(body))
                self.send(status, json.dumps(answer), "application/x-amz-json-1.1")
            elif self.path == "/":
                form = dict(parse_qsl(body))
                aws.calls.append(form["Action"])
                status, text = aws.cloudformation(form)
                self.send(status, text, "text/xml")
            else:
                self.do_GET()

        def send(self, status: int, text: str, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        aws.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield aws.url
        finally:
            server.shutdown()
            thread.join()

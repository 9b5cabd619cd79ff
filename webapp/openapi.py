"""The OpenAPI document as spectree makes it, with the media types that it cannot say."""

import copy
from typing import Any

PROBLEM, CSV = "application/problem+json", {"text/csv": {"schema": {"type": "string"}}}


def finish_document(document: dict[str, Any]) -> dict[str, Any]:
    """The document with errors as application/problem+json and tables as text/csv."""
    finished = copy.deepcopy(document)
    for path, item in finished["paths"].items():
        item.get("get", {"responses": {}})["responses"].pop("422", None)  # nothing is validated in a GET
        for operation in item.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400 and "content" in response:
                    response["content"] = {PROBLEM: response["content"]["application/json"]}
            if path.endswith("/batch"):
                operation["requestBody"]["content"] |= CSV
                operation["responses"]["200"]["content"] = CSV
    return finished

# SPDX-License-Identifier: MIT
"""
Operations of Resource Manager as tables: which request is which, what its sender must be allowed to do, and who answers.

    OPERATIONS: List[Operation] = [("GET", r"/things/([^/]+)", "arm.thing", "Contoso.Things/things/read", get_thing)]
    site = serving(OPERATIONS)

The answer is called with the cloud, the request and the path's groups.  It raises Refused for an error that it means; what it
raises because the request's content is not as it should be becomes a 400.
"""

import re
from typing import Any, Callable, List, Optional, Sequence, Tuple

from azure.arm import failure, refusal
from azure.cloud import Cloud
from azure.http import Answer, Request, Response, Site
from manifest.expr import Unknown

Operation = Tuple[str, str, str, str, Callable[..., Response]]  # method, path, endpoint, action ("": none is needed), answer


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def serving(operations: List[Operation]) -> Site:
    def site(cloud: Cloud, request: Request) -> Optional[Tuple[str, Answer]]:
        for method, path, endpoint, action, answer in operations:
            match = re.fullmatch(path, request.path.rstrip("/"), re.IGNORECASE)
            if method == request.method and match:
                return endpoint, guarded(action, answer, match.groups())
        return None

    return site


def guarded(action: str, answer: Callable[..., Response], groups: Sequence[Any]) -> Answer:
    def call(cloud: Cloud, request: Request) -> Response:
        refused = refusal(cloud, request, request.path, action)
        if refused:
            return refused
        try:
            return answer(cloud, request, *groups)
        except Refused as error:
            return failure(error.status, error.code, str(error))
        except (ValueError, KeyError, TypeError, AttributeError, Unknown) as error:
            return failure(400, "InvalidRequestContent", f"The request content was invalid: {error!r}.")

    return call

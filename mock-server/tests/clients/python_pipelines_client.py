"""Runs cases with the vendor's Python client of the Pipelines API, and prints one JSON line for each.

A case is {"case", "url", "key", "options", "calls"}; a call is [method, keywords]. What comes back is {"case", "answers",
"error"}: what the calls returned, and the error of the first that failed. It has a program of its own because the package
shares its name with the client of the Track API.
"""

import json
import sys

from customerio.analytics.client import Client
from customerio.analytics.request import APIError


def run(case):
    answers, error = [], None
    target = Client(case["key"], host=case["url"], sync_mode=True, **case["options"])
    try:
        for method, keywords in case["calls"]:
            accepted, _ = getattr(target, method)(**keywords)
            answers.append(accepted)
    except APIError as caught:
        error = {"type": type(caught).__name__, "status": caught.status, "message": str(caught)}
    print(json.dumps({"case": case["case"], "answers": answers, "error": error}), flush=True)


for line in sys.stdin:
    run(json.loads(line))

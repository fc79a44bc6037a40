"""Runs cases with the vendor's Python client, all at once, and prints one JSON line for each.

A case is {"case", "client": "track" | "app", "url", "key", "calls", "timeout"?}. A call is [method, arguments, keywords]; an
argument {"$Email": {...}} and its like becomes the client's own request object. What comes back is {"case", "answers",
"error"}: the answers of the calls, and the error of the first that failed.
"""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import customerio

printing = threading.Lock()


def client(case):
    options = {"timeout": case["timeout"] / 1000} if "timeout" in case else {}
    if case["client"] == "app":
        return customerio.APIClient(case["key"], url=case["url"], **options)
    site_id, api_key = case["key"].split(":")
    url = urlsplit(case["url"])
    return customerio.CustomerIO(site_id, api_key, host=url.hostname, port=url.port, **options)


def argument(value):
    if isinstance(value, dict) and len(value) == 1:
        (kind, fields), = value.items()
        if kind.startswith("$"):
            return getattr(customerio, f"Send{kind[1:]}Request")(**fields)
    return value


def answer(value):
    return value if isinstance(value, dict) else {"status": value.status_code, "body": value.text}


def run(case):
    answers, error = [], None
    try:
        target = client(case)
        for method, arguments, keywords in case["calls"]:
            answers.append(answer(getattr(target, method)(*map(argument, arguments), **keywords)))
    except customerio.CustomerIOException as caught:
        error = {"type": type(caught).__name__, "message": str(caught)}
    with printing:
        print(json.dumps({"case": case["case"], "answers": answers, "error": error}), flush=True)


cases = [json.loads(line) for line in sys.stdin]
with ThreadPoolExecutor(len(cases)) as pool:
    for done in [pool.submit(run, case) for case in cases]:
        done.result()

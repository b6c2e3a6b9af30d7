"""Submits saves to a SpecStar worker from Python, with nothing but nats-py.

    python submit_saves.py note changes.ndjson --nats nats://127.0.0.1:4222
    python submit_saves.py note changes.ndjson --bulk --wait "worker --store sqlite:./data"

Each line is an operation with an id of its own:

    {"id": "import-1", "op": "upsert", "resource_id": "note:1", "data": {"text": "hello"}}

and becomes a job of that id. Submitted again, it is done once; so whatever goes wrong,
run it again. With --bulk all lines are one job in the binary form. With --wait the
outcomes are asked of the command line; standard output has one JSON document a job.
The messages are described in docs/messages.md.
"""

import argparse
import asyncio
import json
import shlex
import struct
import subprocess
import sys
import time

import nats
import nats.errors
import nats.js.errors

BINARY = "application/vnd.specstar.job"


def single(model, user, line):
    """One operation as a job: its id and its message in JSON."""
    operation = dict(line)
    job = operation.pop("id")
    envelope = {"schema": 1, "id": job, "kind": "save", "model": model, "user": user, "args": operation}
    return job, json.dumps(envelope).encode(), {}


def bulk(model, user, job, lines):
    """Many operations as one job in the binary form, their data behind the head."""
    operations, payloads = [], []
    for line in lines:
        operation = {key: value for key, value in line.items() if key not in ("id", "data")}
        if "data" in line:
            payloads.append(json.dumps(line["data"]).encode())
            operation["data_size"] = len(payloads[-1])
        operations.append(operation)
    envelope = {"schema": 1, "id": job, "kind": "save", "model": model, "user": user, "args": {"operations": operations}}
    head = json.dumps(envelope).encode()
    message = b"\xc1SJ\x01" + struct.pack(">I", len(head)) + head + b"".join(payloads)
    return job, message, {"Content-Type": BINARY}


async def publish(js, subject, job, message, headers, patience):
    """Publishes until the stream has the message; its id makes that safe.

    503 comes while the stream has no leader and when it is full; no answer may mean that
    the message is there. Anything else is an error of ours.
    """
    wait, until = 0.1, time.monotonic() + patience
    while True:
        try:
            return await js.publish(subject, message, headers={"Nats-Msg-Id": job, **headers})
        except (
            nats.errors.TimeoutError,
            nats.js.errors.NoStreamResponseError,
            nats.js.errors.ServiceUnavailableError,
        ) as error:
            if time.monotonic() > until:
                raise
            print(f"{job}: {type(error).__name__}, again in {wait:.1f} s", file=sys.stderr)
            await asyncio.sleep(wait)
            wait = min(2 * wait, 5)


def outcome(worker, job, patience):
    """What `worker jobs show` says when the job has ended. Before its end a save that only
    the queue holds is not found."""
    command = shlex.split(worker) + ["jobs", "show", job, "-o", "json"]
    until = time.monotonic() + patience
    while True:
        shown = subprocess.run(command, capture_output=True, text=True, check=False)
        answer = json.loads(shown.stdout)
        if answer.get("state") in ("done", "refused", "dead", "cancelled"):
            return answer
        if answer.get("error", {}) and answer["error"].get("code") not in (None, "not_found"):
            raise SystemExit(f"{job}: {answer['error']['message']}")
        if time.monotonic() > until:
            raise SystemExit(f"{job}: not done after {patience:.0f} s; does a worker run?")
        time.sleep(0.1)


async def main():
    parser = argparse.ArgumentParser(description="Submit saves to a SpecStar worker.")
    parser.add_argument("model")
    parser.add_argument("file", help="operations, one JSON object a line")
    parser.add_argument("--nats", default="nats://127.0.0.1:4222", help="address of the server")
    parser.add_argument("--namespace", default="default", help="that of the worker")
    parser.add_argument("--user", default="python", help="on whose behalf")
    parser.add_argument("--bulk", metavar="ID", help="all lines as one job of this id")
    parser.add_argument("--wait", metavar="COMMAND", help="the worker's command line, with --store")
    parser.add_argument("--patience", type=float, default=60, help="seconds to go on trying")
    o = parser.parse_args()
    with open(o.file, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f if line.strip()]
    if o.bulk:
        jobs = [bulk(o.model, o.user, o.bulk, lines)]
    else:
        jobs = [single(o.model, o.user, line) for line in lines]

    nc = await nats.connect(o.nats)
    js = nc.jetstream()
    try:
        for job, message, headers in jobs:
            ack = await publish(js, f"specstar.{o.namespace}.jobs.normal.save", job, message, headers, o.patience)
            print(f"{job}: {'known already' if ack.duplicate else 'accepted'}", file=sys.stderr)
    finally:
        await nc.close()
    if o.wait:
        for job, _, _ in jobs:
            print(json.dumps(outcome(o.wait, job, o.patience)))


if __name__ == "__main__":
    asyncio.run(main())

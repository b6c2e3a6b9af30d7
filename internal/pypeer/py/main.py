"""Serves requests, one JSON object a line on stdin, answers on stdout; see peer.go."""

import json
import os
import sys
import traceback

import answers
import archives
import permissions
import timed
import timedpg
from app import App

APPS = {}


def new(app, models, seed=0, store=None):
    APPS[app] = App(models, seed, store or {"kind": "memory"})
    return APPS[app].models()


def close(app):
    APPS.pop(app, None)


def call(req):
    op = req.pop("op")
    if op == "new":
        return new(**req)
    if op == "close":
        return close(**req)
    for ops in (answers.OPS, archives.OPS, timed.OPS, timedpg.OPS, permissions.OPS):
        if op in ops:
            return ops[op](**req)
    if op in ("run", "apply", "dump", "load", "backfill", "migrate", "search", "queries", "state", "samples", "check", "update_all",
              "create_json", "export"):
        return getattr(APPS[req.pop("app")], op)(**req)
    raise ValueError(f"operation {op!r} is not known")


def main():
    # What the library prints must not get between the answers.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            answer = json.dumps({"result": call(json.loads(line))})
        except Exception as e:
            traceback.print_exc()
            answer = json.dumps({"error": f"{type(e).__name__}: {e}"})
        out.write(answer + "\n")
        out.flush()


main()

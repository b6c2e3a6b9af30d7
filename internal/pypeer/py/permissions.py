"""Permission checkers of the original, with their stored entries."""

import datetime as dt
import types

import msgspec
from autocrud import AutoCRUD
from autocrud.permission.acl import ACLPermission, ACLPermissionChecker
from autocrud.permission.rbac import RBACPermission, RBACPermissionChecker
from autocrud.permission.store_backed import Policy
from autocrud.types import OnDuplicate, ResourceAction

CHECKERS = {}
START = dt.datetime(2024, 3, 1, tzinfo=dt.timezone.utc)


def new(name, kind, policy):
    checker = {"acl": ACLPermissionChecker, "rbac": RBACPermissionChecker}[kind]
    CHECKERS[name] = checker(policy=Policy(policy))


def add(name, records):
    """Creates entries from their JSON form, the first one as the oldest."""
    pm = CHECKERS[name].pm
    record = {"ACLPermission": ACLPermission, "RBACPermission": RBACPermission}[CHECKERS[name].storage_name]
    for i, r in enumerate(records):
        with pm.using("root", START + dt.timedelta(seconds=i)):
            pm.create(msgspec.convert(r, record))


def crud(name):
    """An app whose one model are the entries."""
    app, checker = AutoCRUD(), CHECKERS[name]
    app.resource_managers[checker.storage_name] = checker.pm
    return app


def dump(name, path):
    with open(path, "wb") as f, CHECKERS[name].pm.using("root", START):
        crud(name).dump(f)


def load(name, path):
    with open(path, "rb") as f, CHECKERS[name].pm.using("root", START):
        crud(name).load(f, on_duplicate=OnDuplicate.raise_error)


def ask(name, requests):
    checker, answers = CHECKERS[name], []
    for user, action, model in requests:
        context = types.SimpleNamespace(
            user=user, now=START, action=ResourceAction(action), resource_name=model, resource_id=f"{model}:1"
        )
        answers.append(str(checker.check_permission(context)))
    return answers


OPS = {f"permission_{f.__name__}": f for f in (new, add, dump, load, ask)}

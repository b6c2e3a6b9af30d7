"""Given operations on one model, as a test on the other side does them too."""

import datetime as dt

import msgspec
from autocrud.types import JsonPatch, RevisionStatus
from msgspec import UNSET

from archives import without_rev


def apply(manager, edits):
    """Does one operation after another; returns for each the name of its exception, empty for none."""
    return [outcome(manager, e) for e in edits]


def outcome(manager, e):
    try:
        with manager.using(user=e["user"], now=dt.datetime.fromisoformat(e["time"])) as op:
            KINDS[e["op"]](Edit(manager, op, e))
    except Exception as x:
        return type(x).__name__
    return ""


class Edit:
    def __init__(self, manager, op, fields):
        self.manager, self.op, self.fields = manager, op, fields

    @property
    def id(self):
        return self.fields["resource_id"]

    def data(self):
        """The new value: UNSET, a patch, or a value of the model's type."""
        if self.fields.get("patch") is not None:
            return JsonPatch(self.fields["patch"])
        if self.fields.get("data") is not None:
            return msgspec.convert(self.fields["data"], self.manager.resource_type)
        return UNSET

    def status(self):
        given = self.fields.get("status")
        return {"status": RevisionStatus(given)} if given else {}


def forget(e):
    """Saves the meta as a release before 0.9 does."""
    meta = e.manager.storage.get_meta(e.id)
    e.manager.storage.save_meta(without_rev(meta))


KINDS = {
    "create": lambda e: e.op.create(e.data(), resource_id=e.id, **e.status()),
    "update": lambda e: e.op.update(e.id, e.data(), **e.status()),
    "upsert": lambda e: e.manager.create_or_update(
        e.id, e.data(), user=e.fields["user"], now=dt.datetime.fromisoformat(e.fields["time"]), **e.status()
    ),
    "modify": lambda e: e.op.modify(e.id, e.data(), **e.status()),
    "patch": lambda e: e.op.patch(e.id, e.data()),
    "switch": lambda e: e.op.switch(e.id, e.fields["revision_id"]),
    "delete": lambda e: e.op.delete(e.id),
    "restore": lambda e: e.op.restore(e.id),
    "purge": lambda e: e.manager.permanently_delete(
        e.id, user=e.fields["user"], now=dt.datetime.fromisoformat(e.fields["time"])
    ),
    "forget": forget,
    "backfill": lambda e: e.manager.backfill_revision_meta(),
}

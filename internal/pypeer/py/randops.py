"""Random operations on an app: what a busy team does to its resources."""

import collections

import msgspec
from autocrud.types import JsonPatch, RevisionStatus

import randmodels

USERS = ["alice", "bob", "Zoë", "用户", "svc:import@host", "u" * 300]


class Ops:
    """Applies one random operation after another; refusals are part of the game."""

    def __init__(self, app, rng, naive):
        self.app, self.rng, self.naive = app, rng, naive
        self.ids = collections.defaultdict(list)
        self.done = collections.Counter()
        self.refused = collections.Counter()

    def run(self, steps):
        names = list(self.app.managers())
        for _ in range(steps):
            name = self.rng.choice(names)
            kind = self.rng.choices(
                ["create", "update", "same", "modify", "restatus", "patch", "switch", "delete", "restore"],
                [24, 24, 4, 12, 5, 8, 8, 8, 7],
            )[0]
            if not self.ids[name]:
                kind = "create"
            manager = self.app.manager(name)
            now = randmodels.moment(self.rng, self.naive)
            try:
                with manager.using(user=self.rng.choice(USERS), now=now) as op:
                    getattr(self, "_" + kind)(name, manager, op)
                self.done[kind] += 1
            except Exception as e:  # deleted, not a draft, patch that does not fit: the library's own rules
                self.refused[f"{kind}: {type(e).__name__}"] += 1

    def _value(self, manager):
        return randmodels.value(self.rng, manager.resource_type)

    def _pick(self, name):
        return self.rng.choice(self.ids[name])

    def _status(self):
        return self.rng.choice([RevisionStatus.draft, RevisionStatus.stable])

    def _create(self, name, manager, op):
        kw = {}
        form = self.rng.randrange(6)
        if form < 3:
            kw["resource_id"] = f"{name}:{len(self.ids[name])}"
        elif form == 3:
            kw["resource_id"] = self.rng.choice(["ünï ", "a:b:", "x.y@", "sp ace"]) + str(len(self.ids[name]))
        info = op.create(self._value(manager), status=self._status(), **kw)
        self.ids[name].append(info.resource_id)

    def _update(self, name, manager, op):
        op.update(self._pick(name), self._value(manager), status=self._status())

    def _same(self, name, manager, op):
        rid = self._pick(name)
        op.update(rid, manager.get(rid).data)

    def _modify(self, name, manager, op):
        op.modify(self._pick(name), self._value(manager), status=RevisionStatus.draft)

    def _restatus(self, name, manager, op):
        op.modify(self._pick(name), status=self._status())

    def _patch(self, name, manager, op):
        rid = self._pick(name)
        field = self.rng.choice(msgspec.structs.fields(manager.resource_type))
        new = msgspec.to_builtins(randmodels.value(self.rng, field.type))
        op.patch(rid, JsonPatch([{"op": "replace", "path": "/" + field.encode_name, "value": new}]))

    def _switch(self, name, manager, op):
        rid = self._pick(name)
        op.switch(rid, self.rng.choice(manager.list_revisions(rid)))

    def _delete(self, name, manager, op):
        op.delete(self._pick(name))

    def _restore(self, name, manager, op):
        op.restore(self._pick(name))

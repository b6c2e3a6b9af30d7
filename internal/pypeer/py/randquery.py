"""Random queries over what an app holds, as JSON, with the original's answers."""

import json

import msgspec
from msgspec import UNSET

SORT_KEYS = ["created_time", "updated_time", "created_by", "updated_by", "is_deleted", "schema_version",
             "total_revision_count", "rev_created_time", "rev_updated_time", "current_revision_id"]
USERS = ["created_by", "updated_by", "rev_created_by", "rev_updated_by"]
TIMES = ["created_time", "updated_time", "rev_created_time", "rev_updated_time"]


class Queries:
    def __init__(self, metas, rng):
        self.metas, self.rng = metas, rng

    def pick(self):
        """A query whose answer has one order: a limit needs a total one."""
        rng, q = self.rng, {}
        if rng.randrange(3) == 0:
            q["is_deleted"] = rng.random() < 0.5
        for name in USERS:
            if rng.randrange(6) == 0:
                q[name + "s"] = [self.attr(name) for _ in range(rng.randrange(1, 4))]
        if rng.randrange(5) == 0:
            q["rev_statuses"] = rng.choice([["draft"], ["stable"], ["draft", "stable"]])
        for name in TIMES:
            if rng.randrange(8) == 0:
                q[name + rng.choice(["_start", "_end"])] = self.attr(name)
        if rng.randrange(2):
            q["conditions"] = [self.condition(2) for _ in range(rng.randrange(1, 3))]
        if rng.randrange(4) == 0:
            q["data_conditions"] = [c for c in [self.indexed()] if c]
        if rng.randrange(2):
            q["sorts"] = [self.sort() for _ in range(rng.randrange(3))]
            q["sorts"].append({"type": "ResourceMetaSearchSort", "key": "resource_id", "direction": rng.choice("+-")})
            if rng.randrange(2):
                q["limit"], q["offset"] = rng.randrange(1, 20), rng.randrange(5)
        return q

    def meta(self):
        return self.rng.choice(self.metas)

    def attr(self, name):
        return plain(getattr(self.meta(), name))

    def sort(self):
        return {"type": "ResourceMetaSearchSort", "key": self.rng.choice(SORT_KEYS), "direction": self.rng.choice("+-")}

    def condition(self, depth):
        kind = self.rng.randrange(5)
        if kind == 0 and depth:
            parts = [self.condition(depth - 1) for _ in range(self.rng.randrange(1, 4))]
            return {"type": "DataSearchGroup", "operator": self.rng.choice(["and", "or", "not"]), "conditions": parts}
        return (self.indexed() if kind < 3 else None) or self.builtin()

    def builtin(self):
        """A condition on a field of the meta itself."""
        name = self.rng.choice(USERS + TIMES + ["resource_id", "is_deleted", "rev_status", "total_revision_count"])
        op, value = self.rng.choice(["eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte"]), self.attr(name)
        if name in ("is_deleted", "rev_status"):
            op = self.rng.choice(["eq", "ne"])
        if op in ("in", "not_in"):
            value = [value, self.attr(name)]
        return leaf(name, op, value)

    def indexed(self):
        """A condition on an indexed field, with a value that some resource has."""
        data = self.meta().indexed_data
        if data is UNSET or not data:
            return None
        name = self.rng.choice(sorted(data))
        value = data[name]
        if not sayable(value):
            return None
        if self.rng.randrange(4) == 0:
            return leaf(name, self.rng.choice(["is_null", "exists", "isna"]), self.rng.random() < 0.5)
        if isinstance(value, str):
            return self.text(name, value)
        if isinstance(value, bool) or value is None or isinstance(value, (list, dict)):
            return leaf(name, self.rng.choice(["eq", "ne"]), value)
        return leaf(name, self.rng.choice(["eq", "ne", "gt", "gte", "lt", "lte"]), value)

    def text(self, name, value):
        op = self.rng.choice(["eq", "ne", "contains", "starts_with", "ends_with", "in", "not_in", "gt", "lte"])
        if op in ("in", "not_in"):
            return leaf(name, op, [value, "alpha"])
        if op in ("contains", "starts_with", "ends_with"):
            value = value[: self.rng.randrange(4)] if op != "ends_with" else value[-self.rng.randrange(1, 4) :]
        return leaf(name, op, value)


def sayable(value):
    """Whether JSON can say a value as it is."""
    try:
        return json.loads(json.dumps(value)) == value
    except TypeError:
        return False


def leaf(name, op, value):
    return {"type": "DataSearchCondition", "field_path": name, "operator": op, "value": value}


def plain(v):
    """A value of a meta as a query in JSON has it."""
    if hasattr(v, "isoformat"):
        return {"$datetime": v.isoformat()}
    return msgspec.to_builtins(v)

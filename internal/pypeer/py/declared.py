"""Model types from their declarations, as the tests send them."""

import datetime as dt
import decimal
import enum
import importlib.util
import uuid
from typing import Annotated, Any, Literal, Union

import msgspec
from autocrud.resource_manager.basic import Encoding
from autocrud.schema import Schema
from autocrud.types import Binary, Unique

SCALARS = {
    "any": Any, "null": None, "str": str, "int": int, "float": float, "bool": bool, "datetime": dt.datetime, "date": dt.date,
    "time": dt.time, "duration": dt.timedelta, "uuid": uuid.UUID, "decimal": decimal.Decimal, "bytes": bytes, "binary": Binary,
}


class Builder:
    """Makes types of trees: {"kind", "args", "null"}, and for structs, enums and
    literals "name" with "fields" or "values"."""

    def __init__(self):
        self.made = {}

    def type(self, t):
        made = self.bare(t)
        return made | None if t.get("null") and made is not Any else made

    def bare(self, t):
        kind, args = t["kind"], t.get("args", [])
        if kind in SCALARS:
            return SCALARS[kind]
        match kind:
            case "list":
                return list[self.type(args[0])]
            case "set":
                return set[self.type(args[0])]
            case "tuple":
                return tuple[tuple(self.type(a) for a in args)]
            case "map":
                return dict[str, self.type(args[0])]
            case "union":
                return Union[tuple(self.type(a) for a in args)]
            case "literal":
                return Literal[tuple(t["values"])]
        if t["name"] not in self.made:
            self.made[t["name"]] = self.enum(t) if kind == "enum" else self.struct(t)
        return self.made[t["name"]]

    def enum(self, t):
        base = {str: enum.StrEnum, int: enum.IntEnum}[type(t["values"][0])]
        return base(t["name"], [(f"v{i}", v) for i, v in enumerate(t["values"])])

    def struct(self, t):
        fields = []
        for f in t["fields"]:
            made = self.type(f["type"])
            name = f.get("attribute") or f["name"]
            if f.get("unique"):
                made = Annotated[made, Unique()]
            if f.get("optional"):
                fields.append((name, made | msgspec.UnsetType, msgspec.UNSET))
            elif "default" in f:
                # The default as the type has it, but numbers as they are written.
                fields.append((name, made, msgspec.field(default_factory=default(f["default"], f["type"], made))))
            else:
                fields.append((name, made))
        rename = {f["attribute"]: f["name"] for f in t["fields"] if f.get("attribute")}
        return msgspec.defstruct(
            t["name"], fields, kw_only=True, tag=t.get("tag"), tag_field=t.get("tag_field"), rename=rename or None
        )


def default(text, tree, made):
    """A factory of the default. A number of a float field keeps its kind."""
    if tree["kind"] == "float":
        return lambda: msgspec.json.decode(text)
    return lambda: msgspec.json.decode(text, type=made)


def model(spec):
    """(type or schema, name, encoding, indexed paths) of a declared model."""
    made = Builder().type(spec["type"])
    if spec.get("schema_version"):
        made = Schema(made, version=spec["schema_version"])
    return made, spec["name"], Encoding(spec["encoding"]), spec.get("indexed", [])


def exporter(script):
    """The module of the exporter."""
    spec = importlib.util.spec_from_file_location("export_models", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

"""Writes the declarations of a Python application's models for `worker --models`.

    python export_models.py myapp.main:crud > models.yaml
    python export_models.py myapp.types:Person myapp.types:Order --encoding msgpack
    python export_models.py myapp.main:crud --json-schema

A target is MODULE:NAME. NAME is an application of the original (AutoCRUD or
SpecStar, with its models added) or a struct type. Run it in the application's own
environment: it only needs msgspec and what the application imports.

What a declaration cannot say is refused by name, or told on standard error when
it does not change the bytes that are stored (such as `Meta(ge=0)`).
"""

import argparse
import importlib
import json
import re
import sys
import time
import typing

import msgspec
from msgspec import UNSET, inspect

SCALARS = {
    inspect.AnyType: "any",
    inspect.NoneType: "null",
    inspect.BoolType: "bool",
    inspect.IntType: "int",
    inspect.FloatType: "float",
    inspect.StrType: "str",
    inspect.BytesType: "bytes",
    inspect.ByteArrayType: "bytes",
    inspect.MemoryViewType: "bytes",
    inspect.DateTimeType: "datetime",
    inspect.DateType: "date",
    inspect.TimeType: "time",
    inspect.TimeDeltaType: "duration",
    inspect.UUIDType: "uuid",
    inspect.DecimalType: "decimal",
}
# These inherit from one another, so they are compared exactly.
LISTS = (inspect.ListType, inspect.VarTupleType, inspect.CollectionType)
SETS = (inspect.SetType, inspect.FrozenSetType)
# Names that types cannot have: those of kinds.
KINDS = {*SCALARS.values(), "enum", "binary", "list", "set", "tuple", "map", "struct"}
CONSTRAINTS = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern", "tz")


class Unsupported(Exception):
    """What a declaration cannot say."""


def encode(value):
    """A value as the original stores it in JSON."""
    return msgspec.json.encode(value, order="deterministic").decode()


def is_binary(cls):
    """Whether a struct is the original's reference to a blob."""
    return cls.__name__ == "Binary" and cls.__struct_fields__ == ("file_id", "size", "content_type", "data")


class Types:
    """Turns types into expressions and gathers the definitions that they name."""

    def __init__(self, warn):
        self.warn = warn
        self.names = {}  # class -> name
        self.bodies = {}  # name -> definition

    def expression(self, t, where):
        """The type expression of an inspected type."""
        if isinstance(t, inspect.Metadata):
            return self.expression(t.type, where)
        self.constraints(t, where)
        for kind, name in SCALARS.items():
            if type(t) is kind:
                return name
        if type(t) in LISTS:
            return f"list[{self.expression(t.item_type, where)}]"
        if type(t) in SETS:
            return f"set[{self.expression(t.item_type, where)}]"
        if isinstance(t, inspect.TupleType):
            return f"tuple[{', '.join(self.expression(i, where) for i in t.item_types)}]"
        if isinstance(t, inspect.DictType):
            return self.mapping(t, where)
        if isinstance(t, inspect.UnionType):
            return self.union(t, where)
        return self.named(t, where)

    def constraints(self, t, where):
        for name in CONSTRAINTS:
            if getattr(t, name, None) is not None:
                hint = "" if name == "tz" else "; --json-schema keeps it"
                self.warn(f"{where}: {name}={getattr(t, name)!r} is not checked by the worker{hint}")

    def mapping(self, t, where):
        key = t.key_type.type if isinstance(t.key_type, inspect.Metadata) else t.key_type
        value = self.expression(t.value_type, where)
        if type(key) is inspect.StrType:
            return f"map[{value}]"
        if isinstance(key, inspect.EnumType) and issubclass(key.cls, str) or isinstance(key, inspect.LiteralType):
            return f"map[{self.expression(key, where)}, {value}]"
        if isinstance(key, inspect.AnyType):
            return f"map[{value}]"
        raise Unsupported(f"{where}: the original cannot store a dict with keys of type {type(key).__name__}")

    def union(self, t, where):
        members = [self.expression(m, where) for m in t.types]
        null = "null" in members
        members = [m for m in members if m != "null"]
        if len(members) == 1 and null:
            return members[0] + "?"
        return " | ".join(members + ["null"] * null)

    def named(self, t, where):
        if isinstance(t, inspect.LiteralType):
            return self.define(("literal", tuple(t.values)), "Literal", {"values": [encode(v) for v in t.values]})
        if isinstance(t, inspect.EnumType):
            return self.define(t.cls, t.cls.__name__, {"values": [encode(m) for m in t.cls]})
        if isinstance(t, (inspect.StructType, inspect.DataclassType, inspect.TypedDictType)):
            if isinstance(t, inspect.StructType) and is_binary(t.cls):
                return "binary"
            if t.cls in self.names:
                return self.names[t.cls]
            name = self.define(t.cls, getattr(t.cls, "__name__", str(t.cls)), {})
            self.bodies[name].update(self.struct(t, name))
            return name
        raise Unsupported(f"{where}: {type(t).__name__.removesuffix('Type')} has no form in a declaration")

    def define(self, key, name, body):
        """Gives a class a name that no other has."""
        if key in self.names:
            return self.names[key]
        name = re.sub(r"\W+", "_", name).strip("_") or "Type"
        while name in self.bodies or name in KINDS:
            name += "_"
        self.names[key] = name
        self.bodies[name] = body
        return name

    def struct(self, t, name):
        """The definition of a struct."""
        body = {}
        if isinstance(t, inspect.StructType):
            cls = typing.get_origin(t.cls) or t.cls
            if t.array_like:
                raise Unsupported(f"{name}: array_like structs have no form in a declaration")
            if cls.__struct_config__.omit_defaults:
                raise Unsupported(f"{name}: omit_defaults has no form in a declaration")
            if t.tag is not None:
                body["tag"] = encode(t.tag)
                if t.tag_field != "type":
                    body["tag_field"] = encode(t.tag_field)
        body["fields"] = [self.field(f, f"{name}.{f.name}") for f in t.fields]
        return body

    def field(self, f, where):
        out = {"name": encode(f.encode_name), "type": encode(self.expression(f.type, where))}
        if f.encode_name != f.name:
            out["attribute"] = encode(f.name)
        default, made = self.default(f, where)
        if made:
            out["default"] = default
        elif not f.required and default is None:
            out["optional"] = "true"
        return out

    def default(self, f, where):
        """The default as JSON, and whether there is one that is always the same."""
        if f.default is not inspect.NODEFAULT and f.default is not UNSET:
            return encode(f.default), True
        if f.default_factory is inspect.NODEFAULT:
            return None, False
        first = encode(f.default_factory())
        time.sleep(0.002)
        if first == encode(f.default_factory()):
            return first, True
        self.warn(f"{where}: its default differs each time; the worker asks for a value")
        return "", False


def type_name(t):
    return re.sub(r"\W+", "-", getattr(t, "__name__", None) or str(t)).strip("-")


def kebab(name):
    if "_" in name or "-" in name:
        return name.lower().replace("_", "-")
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().replace("_", "-")


def unique_fields(t):
    """Names of the fields that are annotated as Unique."""
    try:
        hints = typing.get_type_hints(t, include_extras=True)
    except Exception:
        return []
    return [name for name, hint in hints.items() if any(type(m).__name__ == "Unique" for m in getattr(hint, "__metadata__", ()))]


class Model:
    """What is known of one model."""

    def __init__(self, resource_type, name, encoding="json", version=None, indexed=()):
        self.type, self.name, self.encoding, self.version = resource_type, name, encoding, version
        self.unique = unique_fields(resource_type)
        self.indexed = sorted({*indexed} - {*self.unique})

    def declaration(self, warn, schema):
        """The lines of the declaration."""
        info = inspect.type_info(self.type)
        lines = [f"name: {scalar(encode(self.name))}", f"encoding: {self.encoding}"]
        if self.version is not None:
            lines.append(f"schema_version: {encode(str(self.version))}")
        types = Types(warn)
        root = types.expression(info, self.name)
        if schema:
            lines.append("json_schema: " + yaml(json_schema(self.type)))
        else:
            lines += self.fields(types, root)
        for key, paths in (("indexed_fields", self.indexed), ("unique_fields", self.unique)):
            if paths:
                lines.append(f"{key}: [{', '.join(scalar(encode(p)) for p in paths)}]")
        lines.append("# unknown_fields: drop   # the original drops what it does not know; the worker refuses it")
        return lines

    def fields(self, types, root):
        lines = []
        referred = any(re.search(rf"\b{re.escape(root)}\b", f["type"]) for b in types.bodies.values() for f in b.get("fields", ()))
        if "fields" in types.bodies.get(root, {}) and not referred:
            lines += struct_lines(types.bodies.pop(root), "")
        else:
            lines.append(f"type: {scalar(encode(root))}")
        if types.bodies:
            lines.append("types:")
        for name, body in types.bodies.items():
            lines.append(f"  {name}:")
            if "values" in body:
                lines.append(f"    values: [{', '.join(body['values'])}]")
            else:
                lines += struct_lines(body, "    ")
        return lines


def struct_lines(body, indent):
    lines = [f"{indent}{k}: {body[k]}" for k in ("tag", "tag_field") if k in body]
    if not body["fields"]:
        return lines + [f"{indent}fields: []"]
    lines.append(f"{indent}fields:")
    for f in body["fields"]:
        lines.append(f"{indent}  - {{{', '.join(f'{k}: {scalar(v)}' for k, v in f.items())}}}")
    return lines


def scalar(text):
    """JSON as YAML; plain words lose their quotes."""
    if re.fullmatch(r'"[A-Za-z_][A-Za-z0-9_-]*\??"', text) and text.strip('"?').lower() not in ("null", "true", "false"):
        return text[1:-1]
    return yaml(text)


def yaml(text):
    """JSON as YAML, which has no characters but printable ones."""
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda m: f"\\u{ord(m[0]):04x}", text)


def json_schema(t):
    """The schema that msgspec exports, with what it leaves out: formats of times
    without a zone, names of attributes and defaults that are made."""
    schema = msgspec.json.schema(t)
    for definition, info in definitions(schema, t):
        for f in getattr(info, "fields", ()):
            prop = definition.get("properties", {}).get(f.encode_name)
            if prop is None:
                continue
            add_formats(prop, f.type)
            if f.encode_name != f.name:
                prop["x-attribute"] = f.name
            default, made = Types(lambda _: None).default(f, f.name)
            if made:
                prop.setdefault("default", json.loads(default))
    add_formats(schema, inspect.type_info(t))
    return json.dumps(schema, ensure_ascii=False)


def definitions(schema, t):
    """The structs of a schema with the types they were made from."""
    seen = {}

    def visit(info):
        if isinstance(info, inspect.Metadata):
            return visit(info.type)
        if isinstance(info, (inspect.StructType, inspect.DataclassType, inspect.TypedDictType)):
            if id(info.cls) in seen:
                return
            seen[id(info.cls)] = info
            for f in info.fields:
                visit(f.type)
        for name in ("item_type", "key_type", "value_type"):
            if hasattr(info, name):
                visit(getattr(info, name))
        for inner in (*getattr(info, "types", ()), *getattr(info, "item_types", ())):
            visit(inner)

    visit(inspect.type_info(t))
    for info in seen.values():
        for definition in schema.get("$defs", {}).values():
            names = set(definition.get("properties", {})) - {getattr(info, "tag_field", None)}
            if definition.get("title") == info.cls.__name__ and names == {f.encode_name for f in info.fields}:
                yield definition, info


def add_formats(prop, t):
    if isinstance(t, inspect.Metadata):
        return add_formats(prop, t.type)
    if isinstance(t, inspect.DateTimeType):
        prop.setdefault("format", "date-time")
    elif isinstance(t, inspect.TimeType):
        prop.setdefault("format", "time")
    elif isinstance(t, inspect.UnionType) and "anyOf" in prop:
        texts = [m for m in t.types if isinstance(m, (inspect.DateTimeType, inspect.TimeType))]
        for part in prop["anyOf"]:
            if part.get("type") == "string" and texts:
                add_formats(part, texts[0])
            elif part.get("type") == "array":
                for m in t.types:
                    if hasattr(m, "item_type"):
                        add_formats(part, m)
            elif part.get("type") == "object":
                for m in t.types:
                    if isinstance(m, inspect.DictType):
                        add_formats(part, m)
    elif isinstance(t, inspect.TupleType):
        for part, item in zip(prop.get("prefixItems", ()), t.item_types):
            add_formats(part, item)
    elif hasattr(t, "item_type") and isinstance(prop.get("items"), dict):
        add_formats(prop["items"], t.item_type)
    elif isinstance(t, inspect.DictType) and isinstance(prop.get("additionalProperties"), dict):
        add_formats(prop["additionalProperties"], t.value_type)


def models_of(target, encoding, name):
    """The models that a target names."""
    module, _, attribute = target.partition(":")
    thing = importlib.import_module(module)
    for part in attribute.split(".") if attribute else ():
        thing = getattr(thing, part)
    managers = getattr(thing, "resource_managers", None)
    if managers is None:
        return [Model(thing, name or kebab(type_name(thing)), encoding or "json")]
    return [
        Model(
            m.resource_type, model, str(m._encoding.value), m._schema_version,
            [f.field_path for f in m.indexed_fields],
        )
        for model, m in managers.items()
        if name in (None, model)
    ]


def export(models, warn, schema=False):
    """The text of the file."""
    return "---\n".join("\n".join(m.declaration(warn, schema)) + "\n" for m in models)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("target", nargs="+", help="MODULE:NAME of an application or a struct type")
    p.add_argument("--name", help="name of the model, or the one model of an application to export")
    p.add_argument("--encoding", choices=["json", "msgpack"], help="encoding of struct types (an application knows its own)")
    p.add_argument("--json-schema", action="store_true", help="declare by JSON schema, which keeps constraints")
    p.add_argument("-o", "--output", help="FILE to write (default: standard output)")
    args = p.parse_args()
    sys.path.insert(0, "")
    try:
        models = [m for t in args.target for m in models_of(t, args.encoding, args.name)]
        text = export(models, lambda w: print("warning:", w, file=sys.stderr), args.json_schema)
    except (Unsupported, ImportError, AttributeError) as e:
        sys.exit(f"error: {e}")
    if args.output:
        with open(args.output, "w", encoding="utf-8") as f:
            f.write(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()

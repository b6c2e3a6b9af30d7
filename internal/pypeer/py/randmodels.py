"""Random model types and random values of them, from a seeded source."""

import dataclasses
import datetime as dt
import decimal
import enum
import types
import typing
import uuid
from typing import Any

import msgspec
from autocrud.resource_manager.basic import Encoding
from autocrud.schema import Schema
from autocrud.types import Binary
from msgspec import UNSET, UnsetType

WORDS = [
    "", "a", "alpha", "Zürich", "日本語", "😀 smile", 'quo"te', "back\\slash", "line\nbreak\ttab", "\x01\x1f\x7f",
    "\u2028sep", "<b>&amp;</b>", "x" * 31, "y" * 32, "z" * 255, "w" * 256, "%_like", "ÅÉ", "0", "null", "{}", "1e5",
]
CONTENT_TYPES = ["text/plain", "image/png", UNSET]
FLOATS = [0.0, -0.0, 1.0, -1.5, 1e-5, 9.9e-6, 1e15, 1e16, 1.5e16, 1e300, 5e-324, 0.1, 1 / 3, 123456789.125]
INTS = [0, 1, -1, 31, -32, -33, 127, 128, -128, -129, 255, 256, 32767, 32768, -32769, 65535, 65536, 2**31, -(2**31) - 1,
        2**32, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1]
ZONES = [dt.timezone.utc, dt.timezone(dt.timedelta(hours=8)), dt.timezone(-dt.timedelta(hours=3, minutes=30)),
         dt.timezone(dt.timedelta(hours=5, minutes=45))]


class Color(enum.Enum):
    red = "red"
    green = "Grün"


class Rank(enum.IntEnum):
    one = 1
    many = 1000


class Left(msgspec.Struct, tag="left"):
    v: int


class Right(msgspec.Struct, tag="right"):
    w: str
    v: float = 0.5


SCALARS = [int, float, str, bool, Color, Rank]
RICH = [bytes, dt.datetime, dt.date, dt.time, dt.timedelta, decimal.Decimal, uuid.UUID, Binary, Left | Right, Any]


def pick_type(rng, depth, name):
    """A random field type; depth bounds the nesting."""
    kind = rng.randrange(10)
    if kind < 4 or depth == 0:
        return rng.choice(SCALARS)
    if kind < 6:
        return rng.choice(RICH)
    if kind == 6:
        return pick_type(rng, depth - 1, name) | None
    if kind == 7:
        return list[pick_type(rng, depth - 1, name)]
    if kind == 8:
        return dict[str, pick_type(rng, depth - 1, name)]
    return pick_struct(rng, depth - 1, name.title() + "Part")


def pick_struct(rng, depth, name):
    fields = []
    for i in range(rng.randrange(1, 6)):
        field = f"{rng.choice(['f', 'value', 'naïve'])}{i}"
        t = pick_type(rng, depth, field)
        fields.append((field, t))
    if rng.randrange(3) == 0:
        fields.append(("maybe", str | UnsetType, UNSET))
    return msgspec.defstruct(name, fields)


def indexable(t, prefix=""):
    """The dotted paths of scalars, lists and dicts of them, and of what lies behind optional steps.

    Datetimes are left out: their text keeps an offset that msgpack does not.
    """
    for f in msgspec.structs.fields(t):
        path = prefix + f.encode_name
        inner = [a for a in typing.get_args(f.type) if a is not types.NoneType] or [f.type]
        if typing.get_origin(f.type) in (list, dict):
            if typing.get_args(f.type)[-1] in [*SCALARS, bytes, Left | Right]:
                yield path
        elif isinstance(inner[0], type) and issubclass(inner[0], msgspec.Struct) and inner[0] is not Binary:
            if inner[0] not in (Left, Right):
                yield from indexable(inner[0], path + ".")
        elif inner[0] in SCALARS:
            yield path


def pick_models(rng):
    """Two to four models: (type or schema, name, encoding, indexed paths)."""
    models = []
    for i in range(rng.randrange(2, 5)):
        t = pick_struct(rng, 3, f"Rand{chr(65 + i)}Model")
        paths = list(indexable(t))
        rng.shuffle(paths)
        encoding = rng.choice([Encoding.json, Encoding.msgpack])
        name = rng.choice([f"rand-{chr(97 + i)}-model", f"m{i}", f"XML_{i}"])
        model = Schema(t, version=str(rng.randrange(1, 12))) if rng.randrange(3) == 0 else t
        models.append((model, name, encoding, paths[: rng.randrange(0, 6)]))
    return models


def text(rng):
    if rng.randrange(200) == 0:
        return "long " * rng.randrange(50, 15000)
    return rng.choice(WORDS) + (rng.choice(WORDS) if rng.randrange(3) == 0 else "")


def moment(rng, naive=False):
    """A datetime of any form that msgpack timestamps have, in one of several zones."""
    year = rng.choice([1969, 1970, 2024, 2024, 2024, 2105, 2107, 2600])
    t = dt.datetime(year, rng.randrange(1, 13), rng.randrange(1, 29), rng.randrange(24), rng.randrange(60), rng.randrange(60))
    if rng.randrange(3):
        t = t.replace(microsecond=rng.choice([1, 100, 678900, 999999, rng.randrange(1000000)]))
    return t if naive else t.replace(tzinfo=rng.choice(ZONES))


def binary(rng):
    """A blob; equal content always has one content type, as stores keep only one."""
    size = rng.choice([0, 1, 5, 255, 256, 70000])
    content = bytes((i * 7 + size) % 256 for i in range(size))
    content_type = CONTENT_TYPES[size % 3]
    return Binary(data=content, content_type=content_type) if size else Binary(data=b"")


def anything(rng, depth=2):
    pick = rng.randrange(7 if depth else 5)
    if pick == 0:
        return None
    if pick == 1:
        return rng.choice(INTS)
    if pick == 2:
        return rng.choice(FLOATS)
    if pick == 3:
        return text(rng)
    if pick == 4:
        return rng.random() < 0.5
    if pick == 5:
        return [anything(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {text(rng): anything(rng, depth - 1) for _ in range(rng.randrange(4))}


MAKERS = {
    int: lambda rng: rng.choice(INTS),
    float: lambda rng: rng.choice(FLOATS) if rng.randrange(2) else rng.uniform(-1e6, 1e6),
    str: text,
    bool: lambda rng: rng.random() < 0.5,
    bytes: lambda rng: rng.randbytes(rng.choice([0, 1, 31, 255, 256, 70000 if rng.randrange(20) == 0 else 64])),
    dt.datetime: lambda rng: moment(rng, naive=rng.randrange(5) == 0),
    dt.date: lambda rng: moment(rng).date(),
    dt.time: lambda rng: moment(rng).time(),
    dt.timedelta: lambda rng: dt.timedelta(days=rng.randrange(-3, 400), microseconds=rng.choice([0, 1, 500000])),
    decimal.Decimal: lambda rng: decimal.Decimal(rng.choice(["0", "19.990", "-1.5E+3", "1E-20"])),
    uuid.UUID: lambda rng: uuid.UUID(int=rng.getrandbits(128)),
    Binary: binary,
    Any: anything,
    Color: lambda rng: rng.choice(list(Color)),
    Rank: lambda rng: rng.choice(list(Rank)),
    UnsetType: lambda rng: UNSET,
    types.NoneType: lambda rng: None,
}


def value(rng, t, depth=5):
    """A random value of type t. Lists end where they are nested deep."""
    if t in MAKERS:
        return MAKERS[t](rng)
    origin, args = typing.get_origin(t), typing.get_args(t)
    if origin is list or origin is tuple and args[-1] is ...:
        n = rng.choice([0, 1, 2, 3, 16 if args[0] in SCALARS else 2]) if depth > 0 else 0
        return origin(value(rng, args[0], depth - 1) for _ in range(n))
    if origin in (set, frozenset):
        return origin(value(rng, args[0], depth - 1) for _ in range(rng.choice([0, 1, 3])))
    if origin is tuple:
        return tuple(value(rng, a, depth - 1) for a in args)
    if origin is dict:
        keys = (value(rng, args[0], depth) if args[0] is not str else text(rng) for _ in range(rng.choice([0, 1, 3])))
        return {k: value(rng, args[1], depth - 1) for k in keys}
    if origin is typing.Literal:
        return rng.choice(args)
    if origin is typing.Annotated:
        return value(rng, args[0], depth)
    if origin in (typing.Union, types.UnionType):
        if depth <= 0 and types.NoneType in args:
            return None
        return value(rng, rng.choice(args), depth)
    if t in (dict, list):
        return t()
    if isinstance(t, type) and issubclass(t, enum.Enum):
        return rng.choice(list(t))
    return made(rng, t, depth)


def made(rng, t, depth):
    """A random struct, dataclass or TypedDict."""
    if typing.is_typeddict(t):
        hints = typing.get_type_hints(t)
        return {k: value(rng, v, depth - 1) for k, v in hints.items() if k in t.__required_keys__ or rng.randrange(2)}
    if dataclasses.is_dataclass(t):
        return t(**{k: value(rng, v, depth - 1) for k, v in typing.get_type_hints(t).items()})
    return t(**{f.name: value(rng, f.type, depth - 1) for f in msgspec.structs.fields(t)})

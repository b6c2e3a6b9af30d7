"""The model types of the golden archives, fields in the order they were written."""

import datetime as dt
import decimal
import enum
import uuid
from typing import Any

import msgspec
from autocrud.resource_manager.basic import Encoding
from autocrud.schema import Schema
from autocrud.types import Binary


class Level(enum.Enum):
    low = "low"
    mid = "mid"
    high = "high"


class Geo(msgspec.Struct):
    lat: float
    lon: float


class Address(msgspec.Struct):
    city: str
    zip: str
    geo: Geo | None = None


class Person(msgspec.Struct):
    name: str
    age: int
    email: str | None = None
    tags: list[str] = []
    address: Address | None = None
    born: dt.date | None = None
    scores: dict[str, float] = {}
    level: Level = Level.low


class Document(msgspec.Struct):
    title: str
    body: str
    attachment: Binary | None = None
    images: list[Binary] = []
    extra: dict[str, Any] = {}


class Line(msgspec.Struct):
    sku: str
    qty: int
    price: decimal.Decimal


class SalesOrder(msgspec.Struct):
    number: str
    lines: list[Line]
    placed: dt.datetime
    ref: uuid.UUID
    took: dt.timedelta | None = None
    at: dt.time | None = None
    blob: bytes = b""
    note: str | None = None


class Item(msgspec.Struct):
    n: int
    label: str
    weight: float
    tags: list[str]
    nested: dict[str, int]


class Cat(msgspec.Struct):
    name: str
    age: int


class CatV2(msgspec.Struct):
    name: str
    years: int
    lives: int = 9


class GoSignature(msgspec.Struct):
    text: str
    archs: list[str]
    since: str


class GoSymbol(msgspec.Struct):
    package: str
    os: str
    name: str
    kind: str
    signatures: list[GoSignature]
    since: str
    release: str
    deprecated: str | None


class GoPackage(msgspec.Struct):
    package: str
    release: str
    since: str
    symbols: int
    added: int
    changed: int
    deprecated: int


class GoRelease(msgspec.Struct):
    version: str
    released: str
    packages: int
    symbols: int
    added: int
    changed: int
    deprecated: int


def small():
    """The three models of small.acbak: (type, name, encoding, indexed fields)."""
    return [
        (Person, "person", Encoding.json, ["name", "age", "level", "address.city", "tags"]),
        (Document, "document", Encoding.json, ["title"]),
        (SalesOrder, "sales-order", Encoding.msgpack, ["number"]),
    ]


def item():
    return [(Item, "item", Encoding.json, ["n", "label", "weight", "tags"])]


def item0():
    """The item model before most of its fields were indexed."""
    return [(Item, "item", Encoding.json, ["n"])]


def cat():
    return [(Schema(Cat, version="1"), "cat", Encoding.json, ["name", "age"])]


def cat2():
    """The same model one schema version on, with the way there."""
    schema = Schema(CatV2, version="2").step("1", lambda c: CatV2(name=c.name, years=c.age), source_type=Cat)
    return [(schema, "cat", Encoding.json, ["name", "years"])]


def goapi():
    """The models of the data set that ships with the worker."""
    return [
        (GoPackage, "go-package", Encoding.json, ["package", "since", "symbols"]),
        (GoRelease, "go-release", Encoding.json, ["version", "added"]),
        (GoSymbol, "go-symbol", Encoding.json, ["package", "kind", "since"]),
    ]


SETS = {"small": small, "item": item, "item0": item0, "cat": cat, "cat2": cat2, "goapi": goapi}

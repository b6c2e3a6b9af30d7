"""Model types that an exporter of declarations finds hard."""

import datetime as dt
import decimal
import enum
import uuid
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, Required, TypedDict, TypeVar

import msgspec
from autocrud.resource_manager.basic import Encoding
from autocrud.types import Binary, Unique
from msgspec import UNSET, UnsetType

T = TypeVar("T")


class Left(msgspec.Struct, tag="left"):
    v: int


class Right(msgspec.Struct, tag="right"):
    w: str
    v: float = 0.5


class One(msgspec.Struct, tag=1, tag_field="kind"):
    a: int


class Two(msgspec.Struct, tag=2, tag_field="kind"):
    b: str


class Rank(enum.IntEnum):
    one = 1
    two = 2


class Geo(msgspec.Struct):
    lat: float = 0.0


class Box(msgspec.Struct, Generic[T]):
    content: T


@dataclass
class Point:
    y: int
    x: str = "x"
    l: list[int] = field(default_factory=list)


class Typed(TypedDict, total=False):
    b: Required[int]
    a: str


class int_(msgspec.Struct):
    """A type whose name is that of a kind."""

    n: int


int_.__name__ = "int"


class Node(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    name: Annotated[str, Unique()]
    some_name: str
    limit: Annotated[int, msgspec.Meta(ge=-(2**63), description="x")] = 0
    kids: "list[Node]" = []
    s: set[int] = set()
    t: tuple[int, str] | None = None
    tv: tuple[int, ...] = ()
    u: Left | Right | None = None
    w: One | Two | int | None = None
    m: str | UnsetType = UNSET
    mn: str | None | UnsetType = UNSET
    f: list[int] = msgspec.field(default_factory=lambda: [1])
    g: Geo = msgspec.field(default_factory=Geo)
    n: Rank = Rank.one
    l: Literal["a", 1, None] = "a"
    d: dict[str, int] = {}
    dk: dict[Literal["a", "b"], int] = {}
    e: dt.datetime | None = None
    at: dt.datetime = msgspec.field(default_factory=lambda: dt.datetime.now(dt.timezone.utc))
    ats: list[dt.datetime] = []
    by: bytes = b"abc"
    dec: decimal.Decimal = decimal.Decimal("1.50")
    naive: dt.datetime = dt.datetime(2024, 1, 1)
    td: dt.timedelta = dt.timedelta(seconds=5)
    any_: Any = None
    anyr: dict[str, Any] | int = 3
    fl: float = 1
    x: int | str = 3
    fs: frozenset[str] = frozenset()
    un: None = None
    left: Left | None = None
    raw: dict = {}
    li: list = []
    p: Point | None = None
    td2: Typed | None = None
    box: Box[int] | None = None
    box2: Box[list[uuid.UUID]] | None = None
    it: int_ | None = None
    file: Binary | None = None
    text: str = "\x7f\u2028 \U0001f600 yes"


class Other(msgspec.Struct, tag="other"):
    node: Node | None = None


class Else(msgspec.Struct, tag=True):
    z: int = 0
    a: dict[str, list[Left | Right]] = {}


def hard():
    return [
        (Node, "hard", Encoding.json, ["some_name"]),
        (Else, "tagged", Encoding.msgpack, []),
        (Other, "other", Encoding.json, []),
    ]


class ArrayLike(msgspec.Struct, array_like=True):
    a: int


class Omits(msgspec.Struct, omit_defaults=True):
    a: int = 0


class IntKeys(msgspec.Struct):
    a: dict[int, int] = {}


SETS = {
    "hard": hard,
    "array_like": lambda: [(ArrayLike, "odd", Encoding.json, [])],
    "omit_defaults": lambda: [(Omits, "odd", Encoding.json, [])],
    "int_keys": lambda: [(IntKeys, "odd", Encoding.json, [])],
}

"""Timed runs of the original for the benchmarks: wall and CPU seconds of one operation."""

import gc
import time
from pathlib import Path

import msgspec
from autocrud import AutoCRUD
from autocrud.resource_manager.basic import Encoding
from autocrud.resource_manager.core import SimpleStorage
from autocrud.resource_manager.dump_format import DumpStreamReader, DumpStreamWriter, MetaRecord, RevisionRecord
from autocrud.resource_manager.meta_store.sqlite3 import FileSqliteMetaStore
from autocrud.resource_manager.resource_store.simple import DiskResourceStore
from autocrud.types import OnDuplicate, RawResource, ResourceMeta


class Item(msgspec.Struct):
    name: str
    level: int
    team: str
    body: str


APPS = {}


def app(directory):
    """The app whose store is the directory; SQLite metas and revisions on disk, paired by hand."""
    if directory not in APPS:
        root = Path(directory)
        storage = SimpleStorage(
            FileSqliteMetaStore(db_filepath=root / "meta.db", encoding=Encoding.msgpack),
            DiskResourceStore(rootdir=root / "data", encoding=Encoding.msgpack),
        )
        crud = AutoCRUD()
        crud.add_model(Item, name="item", storage=storage, indexed_fields=["name", "level", "team"])
        APPS[directory] = crud
    return APPS[directory]


def timed(work, passes=1):
    """Runs work and returns how long a pass took and how many resources it says it did."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(passes):
        n = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall": wall / passes, "cpu": cpu / passes, "resources": n}


def read(path, passes):
    """Reads an archive as the library does: frames, then metas and revisions as its structs."""
    metas, revisions = msgspec.msgpack.Decoder(ResourceMeta), msgspec.msgpack.Decoder(RawResource)

    def work():
        n = 0
        with open(path, "rb") as f:
            for record in DumpStreamReader(f):
                if isinstance(record, MetaRecord):
                    metas.decode(record.data)
                    n += 1
                elif isinstance(record, RevisionRecord):
                    revisions.decode(record.data)
        return n

    return timed(work, passes)


def write(path, out, passes):
    """Writes the records of an archive anew from the library's structs."""
    metas, revisions = msgspec.msgpack.Decoder(ResourceMeta), msgspec.msgpack.Decoder(RawResource)
    encode = msgspec.msgpack.Encoder(order="deterministic").encode
    with open(path, "rb") as f:
        records = [
            (MetaRecord, metas.decode(r.data))
            if isinstance(r, MetaRecord)
            else (RevisionRecord, revisions.decode(r.data))
            if isinstance(r, RevisionRecord)
            else (None, r)
            for r in DumpStreamReader(f)
        ]

    def work():
        n = 0
        with open(out, "wb") as f:
            writer = DumpStreamWriter(f)
            for kind, value in records:
                writer.write(kind(data=encode(value)) if kind else value)
                n += kind is MetaRecord
        return n

    return timed(work, passes)


def load(directory, path):
    """Loads an archive into the app of an empty directory, refusing duplicates."""
    crud = app(directory)

    def work():
        with open(path, "rb") as f:
            return crud.load(f, on_duplicate=OnDuplicate.raise_error)["item"].loaded

    return timed(work)


def dump(directory, out):
    """Dumps the app of a directory."""
    crud = app(directory)

    def work():
        with open(out, "wb") as f:
            crud.dump(f)
        return len(crud.resource_managers["item"].storage._meta_store)

    return timed(work)


OPS = {"time_read": read, "time_write": write, "time_load": load, "time_dump": dump}

"""The stores of apps: the original's factories, and pairs of its stores that it has no factory for."""

from pathlib import Path

import psycopg2.pool
from autocrud.resource_manager.basic import Encoding
from autocrud.resource_manager.blob_store.s3 import S3BlobStore
from autocrud.resource_manager.blob_store.simple import DiskBlobStore
from autocrud.resource_manager.core import SimpleStorage
from autocrud.resource_manager.meta_store.simple import MemoryMetaStore
from autocrud.resource_manager.meta_store.sqlite3 import FileSqliteMetaStore
from autocrud.resource_manager.resource_store.s3 import S3ResourceStore
from autocrud.resource_manager.resource_store.simple import DiskResourceStore, MemoryResourceStore
from autocrud.resource_manager.storage_factory import (
    DiskStorageFactory,
    IStorageFactory,
    PostgresDiskS3StorageFactory,
    PostgresDiskStorageFactory,
    PostgreSQLS3StorageFactory,
    PostgresStorageFactory,
)
from botocore.config import Config


# Arguments of the S3 client that every service understands.
PLAIN = {"config": Config(request_checksum_calculation="when_required", s3={"addressing_style": "path"})}


class Postgres(PostgresStorageFactory):
    """The original's factory, with blobs in a directory: its own keeps them in the memory of the process."""

    def __init__(self, dsn, encoding, prefix, root):
        super().__init__(dsn, encoding=encoding, table_prefix=prefix)
        self.root = Path(root) if root else None

    def build_blob_store(self):
        return DiskBlobStore(self.root) if self.root else super().build_blob_store()


class KeepingPool(psycopg2.pool.SimpleConnectionPool):
    """Keeps connections that are given back: the original's pools connect anew for every nested read, which takes
    minutes in tests that say nothing about it."""

    def __init__(self, minconn, maxconn, *args, **kwargs):
        super().__init__(minconn, maxconn, *args, **kwargs)
        self.minconn = maxconn


psycopg2.pool.SimpleConnectionPool = KeepingPool


class Memory(IStorageFactory):
    def __init__(self, encoding):
        self.encoding = encoding

    def build(self, model_name):
        return SimpleStorage(MemoryMetaStore(encoding=self.encoding), MemoryResourceStore(encoding=self.encoding))


class SqliteDisk(IStorageFactory):
    """SQLite metas and revisions on disk, paired by hand as the original has no such factory."""

    def __init__(self, root, encoding):
        self.root, self.encoding = Path(root), encoding

    def build(self, model_name):
        root = self.root / model_name
        root.mkdir(parents=True, exist_ok=True)
        return SimpleStorage(
            FileSqliteMetaStore(db_filepath=root / "meta.db", encoding=self.encoding),
            DiskResourceStore(rootdir=root / "data", encoding=self.encoding),
        )

    def build_blob_store(self):
        return DiskBlobStore(self.root / "_blobs")


class Disk(DiskStorageFactory):
    """The original's factory, with blobs where its backend for a directory has them."""

    def build_blob_store(self):
        return DiskBlobStore(self.rootdir / "_blobs")


class SqliteS3(IStorageFactory):
    """SQLite metas, with the revisions and blobs of the original's factory for PostgreSQL and S3."""

    def __init__(self, root, encoding, s3):
        self.root, self.encoding = Path(root), encoding
        self.s3 = {**s3, "client_kwargs": PLAIN}

    def build(self, model_name):
        root = self.root / model_name
        root.mkdir(parents=True, exist_ok=True)
        return SimpleStorage(
            FileSqliteMetaStore(db_filepath=root / "meta.db", encoding=self.encoding),
            S3ResourceStore(encoding=self.encoding, prefix=f"{model_name}/data/", **self.s3),
        )

    def build_blob_store(self):
        return S3BlobStore(prefix="blobs/", **self.s3)


def factory(store):
    if store["kind"].startswith("postgres"):
        return postgres(store)
    encoding = Encoding(store.get("encoding", "json"))
    match store["kind"]:
        case "memory":
            return Memory(encoding)
        case "sqlite+disk":
            return SqliteDisk(store["dir"], encoding)
        case "sqlite+s3":
            return SqliteS3(store["dir"], encoding, store["s3"])
        case "disk":
            return Disk(store["dir"])
    raise ValueError(f"store kind {store['kind']!r} is not known")


def postgres(store):
    dsn, prefix = store["dsn"], store.get("prefix", "")
    encoding = Encoding(store.get("encoding", "msgpack"))
    named = {"encoding": encoding, "table_prefix": prefix}
    match store["kind"]:
        case "postgres":
            return Postgres(dsn, encoding, prefix, store.get("dir"))
        case "postgres+s3":
            return PostgreSQLS3StorageFactory(dsn, **bucket(store["s3"]), **named)
        case "postgres+disk":
            return PostgresDiskStorageFactory(dsn, store["dir"], **named)
        case "postgres+disk+s3":
            return PostgresDiskS3StorageFactory(dsn, store["dir"], **bucket(store["s3"]), **named)
    raise ValueError(f"store kind {store['kind']!r} is not known")


def bucket(s3):
    """The arguments of the original's factories for a bucket: s3_bucket, s3_region and so on."""
    named = {f"s3_{name.removesuffix('_name')}": value for name, value in s3.items()}
    return {**named, "s3_client_kwargs": PLAIN}

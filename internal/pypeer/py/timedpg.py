"""Timed runs of the original on PostgreSQL for the benchmarks."""

from datetime import datetime, timezone

import msgspec
from autocrud import AutoCRUD
from autocrud.query_types import ResourceMetaSearchQuery
from autocrud.resource_manager.storage_factory import PostgresStorageFactory
from autocrud.types import OnDuplicate

from timed import Item, timed

SHIPPED_MINCONN = 1


def app(dsn, keep):
    """An app on the database. As shipped its pools close what they get back beyond one connection, which tests
    are spared (stores.KeepingPool) but measurements must not be."""
    crud = AutoCRUD(storage_factory=PostgresStorageFactory(connection_string=dsn))
    crud.add_model(Item, name="item", indexed_fields=["name", "level", "team"])
    storage = crud.resource_managers["item"].storage
    for store in (storage._meta_store, storage._resource_store):
        pool = store._conn_pool
        pool.minconn = pool.maxconn if keep else SHIPPED_MINCONN
    return crud


def load(dsn, path, keep):
    crud = app(dsn, keep)

    def work():
        with open(path, "rb") as f:
            return crud.load(f, on_duplicate=OnDuplicate.raise_error)["item"].loaded

    return timed(work)


def dump(dsn, out, keep):
    crud = app(dsn, keep)

    def work():
        with open(out, "wb") as f:
            crud.dump(f)

    result = timed(work)
    result["resources"] = len(crud.resource_managers["item"].storage._meta_store)
    return result


def backfill(dsn, keep):
    crud = app(dsn, keep)
    return timed(lambda: crud.resource_managers["item"].backfill_revision_meta())


def saves(dsn, n, keep):
    manager = app(dsn, keep).resource_managers["item"]
    body = "x" * 730

    def work():
        for i in range(n):
            with manager.using(user="importer", now=datetime.now(timezone.utc)) as op:
                op.create(Item(name=f"item-{i}", level=i % 100, team=f"team-{i % 50}", body=body))
        return n

    return timed(work)


def lists(dsn, n, passes, keep):
    """What a list with payloads does: a search, and a get of each."""
    manager = app(dsn, keep).resource_managers["item"]
    query = msgspec.convert(
        {
            "is_deleted": False,
            "rev_statuses": ["stable"],
            "sorts": [{"type": "ResourceMetaSearchSort", "key": "updated_time", "direction": "-"}],
            "limit": n,
        },
        ResourceMetaSearchQuery,
    )

    def work():
        return len([manager.get(m.resource_id) for m in manager.search_resources(query)])

    work()
    return timed(work, passes)


OPS = {"time_pg_load": load, "time_pg_dump": dump, "time_pg_backfill": backfill, "time_pg_saves": saves, "time_pg_lists": lists}

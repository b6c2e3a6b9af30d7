"""What the original's memory store answers to queries of any metas."""

import msgspec
from autocrud.crud.qb_parser import parse_qb_expression
from autocrud.query_types import ResourceMetaSearchQuery
from autocrud.resource_manager.basic import Encoding
from autocrud.resource_manager.meta_store.simple import MemoryMetaStore
from autocrud.types import ResourceMeta

from app import datetimes


def answers(encoding, metas, queries):
    """The ids that each query selects, in order, or the exception that it raises."""
    store = MemoryMetaStore(encoding=Encoding(encoding))
    for meta in metas:
        m = msgspec.json.decode(meta, type=ResourceMeta)
        store[m.resource_id] = m
    return [answer(store, q) for q in queries]


def answer(store, query):
    try:
        if isinstance(query, str):  # an expression of the library's builder
            q = parse_qb_expression(query).build()
        else:
            q = msgspec.convert(datetimes(query), ResourceMetaSearchQuery)
        return {"ids": [m.resource_id for m in store.iter_search(q)]}
    except Exception as e:
        return {"error": f"{type(e).__name__}: {e}"}


OPS = {"answers": answers}

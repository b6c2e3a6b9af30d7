"""One application of the original: models, storage, and what the tests ask of it."""

import base64
import datetime as dt
import enum
import random
import uuid

import msgspec
from autocrud import AutoCRUD
from autocrud.query_types import ResourceMetaSearchQuery
from autocrud.resource_manager import core
from autocrud.types import OnDuplicate, RevisionStatus

import declared
import edits
import golden
import hard
import randmodels
import randops
import randquery
from stores import factory

msgpack = msgspec.msgpack.Encoder(order="deterministic")


def seed_uuids(rng):
    """Makes the uids and ids that the library draws repeatable."""
    core.uuid4 = lambda: uuid.UUID(int=rng.getrandbits(128), version=4)


class App:
    def __init__(self, models, seed, store):
        self.crud = AutoCRUD(storage_factory=factory(store))
        if isinstance(models, list):
            picked = [declared.model(spec) for spec in models]
        elif models == "random":
            picked = randmodels.pick_models(random.Random(seed))
        else:
            picked = {**golden.SETS, **hard.SETS}[models]()
        for model, name, encoding, indexed in picked:
            if name not in self.crud.resource_managers:
                self.crud.add_model(model, name=name, encoding=encoding, indexed_fields=indexed)

    def managers(self):
        return self.crud.resource_managers

    def manager(self, name):
        return self.crud.resource_managers[name]

    def models(self):
        return [
            {
                "name": name,
                "encoding": str(m._data_serializer.encoding.value),
                "indexed": [f.field_path for f in m.indexed_fields],
                "schema_version": schema_version(m),
            }
            for name, m in self.managers().items()
        ]

    def run(self, seed, steps):
        rng = random.Random(seed)
        seed_uuids(rng)
        ops = randops.Ops(self, rng, naive=rng.randrange(6) == 0)
        ops.run(steps)
        return {"done": ops.done, "refused": ops.refused}

    def apply(self, model, work):
        return edits.apply(self.manager(model), work)

    def dump(self, path):
        with open(path, "wb") as f:
            self.crud.dump(f)

    def load(self, path, on_duplicate):
        with open(path, "rb") as f:
            stats = self.crud.load(f, on_duplicate=OnDuplicate(on_duplicate))
        return {name: {"loaded": s.loaded, "skipped": s.skipped, "total": s.total} for name, s in stats.items()}

    def backfill(self):
        return {name: m.backfill_revision_meta() for name, m in self.managers().items()}

    def migrate(self, model, seed):
        """Migrates about half of the resources to the model's schema version, some with all their revisions."""
        rng, m = random.Random(seed), self.manager(model)
        migrated = 0
        for meta in list(m.storage.dump_meta()):
            if rng.randrange(2):
                continue
            m.migrate(meta.resource_id)
            migrated += 1
            if rng.randrange(2):
                for revision_id in list(m.storage.list_revisions(meta.resource_id)):
                    m.migrate(meta.resource_id, revision_id=revision_id)
        return migrated

    def search(self, model, query):
        q = msgspec.convert(datetimes(query), ResourceMetaSearchQuery)
        return [m.resource_id for m in self.manager(model).search_resources(q)]

    def queries(self, model, seed, n):
        """Random queries with the ids they select, or the exception they raise."""
        picker = randquery.Queries(list(self.manager(model).storage.dump_meta()), random.Random(seed))
        out = []
        for _ in range(n):
            query = picker.pick()
            try:
                out.append({"query": query, "ids": self.search(model, query)})
            except Exception as e:  # values of several types in one field: the original cannot order them
                out.append({"query": query, "error": f"{type(e).__name__}: {e}"})
        return out

    def state(self):
        """Everything stored, as key -> base64 bytes; metas and infos as archives have them."""
        out = {}
        for name, m in self.managers().items():
            for meta in m.storage.dump_meta():
                out[f"{name}\tmeta\t{meta.resource_id}"] = msgpack.encode(meta)
                for info, data in m.storage.dump_resource(meta.resource_id):
                    key = f"{name}\trevision\t{info.revision_id}\t{info.schema_version or ''}"
                    payload = data.read()
                    out[key + "\tinfo"] = msgpack.encode(info)
                    out[key + "\tdata"] = payload
                    self._blobs(m, payload, out)
        return {k: text(v) for k, v in out.items()}

    def _blobs(self, manager, payload, out):
        try:
            ids = manager._binary_processor.collect_file_ids(manager.decode(payload))
        except msgspec.MsgspecError:
            return
        for file_id in ids:
            try:
                blob = self.crud.blob_store.get(file_id)
            except FileNotFoundError:  # it is in the memory of another process
                continue
            out[f"blob\t{file_id}\tdata"] = blob.data
            out[f"blob\t{file_id}\ttype"] = (blob.content_type or "").encode()

    def samples(self, model, seed, n):
        """New values of a model: as JSON text and as the payload the library would store."""
        rng, m = random.Random(seed), self.manager(model)
        values, blobs = [], {}
        for _ in range(n):
            data = m._process_binary_fields(randmodels.value(rng, m.resource_type))
            payload = m.encode(data)
            self._blobs(m, payload, blobs)
            values.append({"json": text(msgspec.json.encode(data, order="deterministic")), "payload": text(payload)})
        return {"values": values, "blobs": {k: text(v) for k, v in blobs.items()}}

    def create_json(self, model, texts):
        """Creates a resource of each JSON text and returns what is stored of it, or the exception."""
        m = self.manager(model)
        out = []
        for i, text_ in enumerate(texts):
            try:
                data = msgspec.json.decode(base64.b64decode(text_), type=m.resource_type)
                now = dt.datetime(2030, 1, 2, tzinfo=dt.timezone.utc)
                with m.using(user="python", now=now) as op:
                    info = op.create(data, resource_id=f"r:{i}")
            except Exception as e:
                out.append({"error": f"{type(e).__name__}: {e}"})
                continue
            with m.storage.get_data_bytes(info.resource_id, info.revision_id, info.schema_version) as f:
                payload = f.read()
            meta = m.storage.get_meta(info.resource_id)
            out.append({"payload": text(payload), "hash": info.data_hash, "meta": text(msgpack.encode(meta))})
        return out

    def export(self, script, schema):
        """The declarations of the app's models, and the warnings."""
        exporter, warnings = declared.exporter(script), []
        models = [
            exporter.Model(
                m.resource_type, name, m._encoding.value, m._schema_version, [f.field_path for f in m.indexed_fields]
            )
            for name, m in self.managers().items()
        ]
        return {"text": exporter.export(models, warnings.append, schema), "warnings": warnings}

    def check(self, model):
        """Decodes every current payload and checks that it, its hash and its index are as the library writes them."""
        m = self.manager(model)
        metas = list(m.storage.dump_meta())
        for meta in metas:
            info = m.storage.get_resource_revision_info(
                meta.resource_id, meta.current_revision_id, schema_version=meta.schema_version
            )
            with m.storage.get_data_bytes(meta.resource_id, meta.current_revision_id, meta.schema_version) as f:
                payload = f.read()
            data = m.decode(payload)
            if m.encode(data) != payload:
                raise ValueError(f"{meta.resource_id}: the payload is not what the library would write: {payload!r}")
            if info.data_hash != m.get_data_hash(data):
                raise ValueError(f"{meta.resource_id}: data hash {info.data_hash} is not that of the payload")
            if m.indexed_fields and said(meta.indexed_data) != said(m._extract_indexed_values(data)):
                raise ValueError(f"{meta.resource_id}: indexed data {meta.indexed_data} is not that of the payload")
        return len(metas)

    def update_all(self, model, seed):
        """Updates every live resource of a model to a random value."""
        rng, m = random.Random(seed), self.manager(model)
        seed_uuids(rng)
        updated = 0
        for meta in [x for x in m.storage.dump_meta() if not x.is_deleted]:
            now = dt.datetime(2030, 1, 2, tzinfo=dt.timezone.utc)
            with m.using(user="python", now=now) as op:
                new = op.update(meta.resource_id, randmodels.value(rng, m.resource_type), status=RevisionStatus.draft)
            if new.revision_id not in (f"{meta.resource_id}:{meta.total_revision_count + 1}", meta.current_revision_id):
                raise ValueError(f"{meta.resource_id}: the update made {new.revision_id}")
            updated += 1
        return updated


def said(indexed):
    """Indexed data as JSON says it after a trip through an archive: stores with
    JSON metas keep times and bytes as text, archives have times in UTC."""
    return msgspec.json.encode(msgspec.msgpack.decode(msgpack.encode(indexed)), order="deterministic")


def text(b):
    return base64.b64encode(b).decode()


def schema_version(manager):
    try:
        return manager.schema_version
    except ValueError:
        return None


class Bits(enum.IntFlag, boundary=enum.KEEP):
    """Bits of {"$flags": n}."""

    ONE = 1


MARKS = {"$datetime": dt.datetime.fromisoformat, "$flags": Bits, "$float": float, "$incomparable": lambda _: object()}


def datetimes(v):
    """Replaces {"$datetime": text} and the other objects that stand for a value, anywhere in a query."""
    if isinstance(v, list):
        return [datetimes(x) for x in v]
    if not isinstance(v, dict):
        return v
    if len(v) == 1:
        ((mark, x),) = v.items()
        if mark in MARKS:
            return MARKS[mark](x)
        if mark == "$literal":
            v = x
    return {k: datetimes(x) for k, x in v.items()}

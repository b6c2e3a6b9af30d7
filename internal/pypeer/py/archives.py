"""Work on archive files that needs no app."""

import msgspec
from autocrud.resource_manager.dump_format import DumpStreamReader, DumpStreamWriter, MetaRecord
from autocrud.types import ResourceMeta
from msgspec import UNSET

metas = msgspec.msgpack.Decoder(ResourceMeta)
msgpack = msgspec.msgpack.Encoder(order="deterministic")


def strip(src, dst, keep_every=0):
    """Copies an archive without the rev_* fields, as releases before 0.9 wrote it.

    Every keep_every-th meta keeps them, 0 means none does.
    """
    n = 0
    with open(src, "rb") as i, open(dst, "wb") as o:
        writer = DumpStreamWriter(o)
        for record in DumpStreamReader(i):
            if isinstance(record, MetaRecord):
                n += 1
                if not keep_every or n % keep_every:
                    record = MetaRecord(data=msgpack.encode(without_rev(metas.decode(record.data))))
            writer.write(record)
    return n


def without_rev(meta):
    for name in ("status", "created_by", "updated_by", "created_time", "updated_time"):
        setattr(meta, "rev_" + name, UNSET)
    return meta


OPS = {"strip": strip}

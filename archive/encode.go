package archive

import (
	"fmt"

	"github.com/specstar-worker/worker/internal/msgpack"
	"github.com/specstar-worker/worker/resource"
)

// encoded is a frame's payload in three parts, so that the bulk of a blob or a
// revision is not copied.
type encoded struct{ head, bulk, tail []byte }

func (e encoded) size() int { return len(e.head) + len(e.bulk) + len(e.tail) }

// encoder builds payloads in buffers it uses again.
type encoder struct{ head, inner, tail []byte }

// encode returns the payload of rec; it is valid until the next call.
func (e *encoder) encode(rec Record) (encoded, error) {
	switch rec := rec.(type) {
	case Header:
		e.begin(2, tagHeader)
		e.head = msgpack.AppendInt(msgpack.AppendString(e.head, "version"), int64(rec.Version))
	case ModelStart:
		e.begin(2, tagModelStart)
		e.str("model_name", rec.Model)
	case Meta:
		e.inner = rec.Meta.Append(resource.Msgpack, e.inner[:0])
		e.begin(2, tagMeta)
		e.head = msgpack.AppendBin(msgpack.AppendString(e.head, "data"), e.inner)
	case Revision:
		e.revision(rec.Revision)
		return encoded{head: e.head, bulk: rec.Revision.Data}, nil
	case Blob:
		e.blob(rec)
		return encoded{head: e.head, bulk: rec.Data, tail: e.tail}, nil
	case ModelEnd:
		e.begin(2, tagModelEnd)
		e.str("model_name", rec.Model)
	case EOF:
		e.begin(1, tagEOF)
	default:
		return encoded{}, fmt.Errorf("%T is not a record", rec)
	}
	return encoded{head: e.head}, nil
}

// begin starts a payload of n fields, the tag among them.
func (e *encoder) begin(n int, tag string) {
	e.head = msgpack.AppendMapHead(e.head[:0], n)
	e.str("t", tag)
}

func (e *encoder) str(key, value string) {
	e.head = msgpack.AppendString(msgpack.AppendString(e.head, key), value)
}

// revision builds everything in front of the payload bytes, which come last.
func (e *encoder) revision(r resource.Revision) {
	e.inner = msgpack.AppendString(msgpack.AppendMapHead(e.inner[:0], 2), "info")
	e.inner = r.Info.Append(resource.Msgpack, e.inner)
	e.inner = msgpack.AppendBinHead(msgpack.AppendString(e.inner, "raw_data"), len(r.Data))
	e.begin(2, tagRevision)
	e.head = msgpack.AppendBinHead(msgpack.AppendString(e.head, "data"), len(e.inner)+len(r.Data))
	e.head = append(e.head, e.inner...)
}

func (e *encoder) blob(b Blob) {
	e.begin(5, tagBlob)
	e.str("file_id", b.FileID)
	e.head = msgpack.AppendBinHead(msgpack.AppendString(e.head, "blob_data"), len(b.Data))
	e.tail = msgpack.AppendInt(msgpack.AppendString(e.tail[:0], "size"), b.Size)
	e.tail = msgpack.AppendString(msgpack.AppendString(e.tail, "content_type"), b.ContentType)
}

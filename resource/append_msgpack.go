package resource

import (
	"encoding/hex"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/msgpack"
	"github.com/specstar-worker/worker/opt"
)

// metaFields is the number of fields every encoded meta has.
const metaFields = 9

func (m *Meta) appendMsgpack(b []byte) []byte {
	b = msgpack.AppendMapHead(b, metaFields+isSet(m.IndexedData)+m.Rev.setFields())
	b = appendStr(b, "current_revision_id", m.CurrentRevisionID)
	b = appendStr(b, "resource_id", m.ResourceID)
	b = appendStrOrNil(b, "schema_version", m.SchemaVersion)
	b = msgpack.AppendInt(msgpack.AppendString(b, "total_revision_count"), int64(m.TotalRevisionCount))
	b = appendTime(b, "created_time", m.CreatedTime)
	b = appendTime(b, "updated_time", m.UpdatedTime)
	b = appendStr(b, "created_by", m.CreatedBy)
	b = appendStr(b, "updated_by", m.UpdatedBy)
	b = msgpack.AppendBool(msgpack.AppendString(b, "is_deleted"), m.IsDeleted)
	if x, ok := m.IndexedData.Get(); ok {
		b = x.AppendMsgpack(msgpack.AppendString(b, "indexed_data"))
	}
	return m.Rev.appendMsgpack(b)
}

func (r *RevMeta) setFields() int {
	return isSet(r.Status) + isSet(r.CreatedBy) + isSet(r.UpdatedBy) + isSet(r.CreatedTime) + isSet(r.UpdatedTime)
}

func (r *RevMeta) appendMsgpack(b []byte) []byte {
	if v, ok := r.Status.Get(); ok {
		b = appendStr(b, "rev_status", v)
	}
	if v, ok := r.CreatedBy.Get(); ok {
		b = appendStr(b, "rev_created_by", v)
	}
	if v, ok := r.UpdatedBy.Get(); ok {
		b = appendStr(b, "rev_updated_by", v)
	}
	if v, ok := r.CreatedTime.Get(); ok {
		b = appendTime(b, "rev_created_time", v)
	}
	if v, ok := r.UpdatedTime.Get(); ok {
		b = appendTime(b, "rev_updated_time", v)
	}
	return b
}

// revisionFields is the number of fields every encoded info has.
const revisionFields = 10

func (i *RevisionInfo) appendMsgpack(b []byte) []byte {
	b = msgpack.AppendMapHead(b, revisionFields+isSet(i.ParentSchemaVersion)+isSet(i.DataHash))
	b = appendUUID(msgpack.AppendString(b, "uid"), i.UID)
	b = appendStr(b, "resource_id", i.ResourceID)
	b = appendStr(b, "revision_id", i.RevisionID)
	b = appendStrOrNil(b, "parent_revision_id", i.ParentRevisionID)
	if v, ok := i.ParentSchemaVersion.Get(); ok {
		b = appendStrOrNil(b, "parent_schema_version", fromPointer(v))
	}
	b = appendStrOrNil(b, "schema_version", i.SchemaVersion)
	if v, ok := i.DataHash.Get(); ok {
		b = appendStr(b, "data_hash", v)
	}
	b = appendStr(b, "status", i.Status)
	b = appendTime(b, "created_time", i.CreatedTime)
	b = appendTime(b, "updated_time", i.UpdatedTime)
	b = appendStr(b, "created_by", i.CreatedBy)
	return appendStr(b, "updated_by", i.UpdatedBy)
}

func appendStr[S ~string](b []byte, key string, v S) []byte {
	return msgpack.AppendString(msgpack.AppendString(b, key), v)
}

func appendStrOrNil[S ~string](b []byte, key string, o opt.Value[S]) []byte {
	b = msgpack.AppendString(b, key)
	if v, ok := o.Get(); ok {
		return msgpack.AppendString(b, v)
	}
	return msgpack.AppendNil(b)
}

func appendTime(b []byte, key string, t time.Time) []byte {
	return appendTimeValue(msgpack.AppendString(b, key), t)
}

// appendTimeValue writes a naive time as text, as the original does, and any
// other as a timestamp.
func appendTimeValue(b []byte, t time.Time) []byte {
	if IsNaive(t) {
		var text [maxTimeText]byte
		return msgpack.AppendString(b, string(AppendTime(text[:0], t)))
	}
	return msgpack.AppendTime(b, t)
}

func appendUUID(b []byte, id uuid.UUID) []byte {
	var text [36]byte
	return msgpack.AppendString(b, encodeUUID(text[:0], id))
}

// encodeUUID appends the 36 characters of the canonical form.
func encodeUUID(b []byte, id uuid.UUID) []byte {
	b = append(hex.AppendEncode(b, id[:4]), '-')
	b = append(hex.AppendEncode(b, id[4:6]), '-')
	b = append(hex.AppendEncode(b, id[6:8]), '-')
	b = append(hex.AppendEncode(b, id[8:10]), '-')
	return hex.AppendEncode(b, id[10:])
}

func isSet[T any](o opt.Value[T]) int {
	if o.IsSet() {
		return 1
	}
	return 0
}

func fromPointer(p *string) opt.Value[string] {
	if p == nil {
		return opt.Value[string]{}
	}
	return opt.Of(*p)
}

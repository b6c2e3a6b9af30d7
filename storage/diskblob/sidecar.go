package diskblob

import (
	"fmt"

	"github.com/specstar-worker/worker/internal/msgpack"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/storage"
)

// record is what a sidecar holds; a legacy file holds the content with it.
type record struct {
	info storage.BlobInfo
	data []byte // nil in a sidecar
}

// appendSidecar appends the sidecar of a blob.
func appendSidecar(b []byte, info storage.BlobInfo) []byte {
	contentType, typed := info.ContentType.Get()
	n := 2
	if typed {
		n++
	}
	b = msgpack.AppendMapHead(b, n)
	b = msgpack.AppendString(msgpack.AppendString(b, "file_id"), info.FileID)
	b = msgpack.AppendInt(msgpack.AppendString(b, "size"), info.Size)
	if typed {
		b = msgpack.AppendString(msgpack.AppendString(b, "content_type"), contentType)
	}
	return b
}

// parseRecord reads a sidecar or a legacy file. Unknown keys are ignored.
func parseRecord(b []byte) (record, error) {
	r := msgpack.NewReader(b)
	n, err := r.MapLen()
	if err != nil {
		return record{}, err
	}
	var rec record
	for range n {
		if err := rec.field(&r); err != nil {
			return record{}, err
		}
	}
	if err := r.End(); err != nil {
		return record{}, err
	}
	if rec.info.FileID == "" {
		return record{}, fmt.Errorf("no file_id")
	}
	return rec, nil
}

// field reads one key with its value.
func (rec *record) field(r *msgpack.Reader[[]byte]) error {
	key, err := r.Str()
	if err != nil {
		return err
	}
	if r.Nil() {
		return nil
	}
	switch string(key) {
	case "file_id":
		var id []byte
		id, err = r.Str()
		rec.info.FileID = string(id)
	case "size":
		rec.info.Size, err = r.Int()
	case "content_type":
		var t []byte
		if t, err = r.Str(); len(t) > 0 {
			rec.info.ContentType = opt.Of(string(t))
		}
	case "data":
		rec.data, err = r.Bin()
		if rec.data == nil {
			rec.data = []byte{}
		}
	default:
		err = r.Skip()
	}
	return err
}

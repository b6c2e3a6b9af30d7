package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// What a chunk stages is remembered as one value: a version byte, then for each
// model its name, the encoded metas, the index entries and the blob ids. Counts
// and lengths are unsigned varints in front of what they count.
const stagedVersion = 1

// Flags of a staged index entry.
const (
	hasVersion = 1 << iota // a schema version follows
	hasBytes               // info and payload follow: the uid was taken by other bytes
)

// stagedEntry is an index entry to be made at publish. Info and Data are nil
// when the revision is stored under its uid already.
type stagedEntry struct {
	entry
	Info, Data []byte
}

// stagedModel is what a chunk will give one model.
type stagedModel struct {
	model   string
	metas   [][]byte
	entries []stagedEntry
	blobs   []string
}

// appendStaged appends the remembered form of models.
func appendStaged(b []byte, models []stagedModel) []byte {
	b = append(b, stagedVersion)
	for _, m := range models {
		b = appendText(b, m.model)
		b = binary.AppendUvarint(b, uint64(len(m.metas)))
		for _, meta := range m.metas {
			b = appendText(b, meta)
		}
		b = binary.AppendUvarint(b, uint64(len(m.entries)))
		for _, e := range m.entries {
			b = e.append(b)
		}
		b = binary.AppendUvarint(b, uint64(len(m.blobs)))
		for _, id := range m.blobs {
			b = appendText(b, id)
		}
	}
	return b
}

func (e stagedEntry) append(b []byte) []byte {
	flags := byte(0)
	version, versioned := e.key.SchemaVersion.Get()
	if versioned {
		flags |= hasVersion
	}
	if e.Info != nil {
		flags |= hasBytes
	}
	b = append(b, flags)
	b = append(b, e.uid[:]...)
	b = appendText(b, e.key.Resource)
	b = appendText(b, e.key.Revision)
	if versioned {
		b = appendText(b, version)
	}
	if e.Info != nil {
		b = appendText(b, e.Info)
		b = appendText(b, e.Data)
	}
	return b
}

func appendText[T ~string | ~[]byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// stagedReader takes a remembered value apart. The first error stays.
type stagedReader struct {
	b   []byte
	err error
}

var errStaged = errors.New("staged chunk is damaged")

// readStaged returns what appendStaged was given. Byte slices alias b.
func readStaged(b []byte) ([]stagedModel, error) {
	if len(b) == 0 || b[0] != stagedVersion {
		return nil, fmt.Errorf("%w: unknown version", errStaged)
	}
	r := &stagedReader{b: b[1:]}
	var models []stagedModel
	for len(r.b) > 0 && r.err == nil {
		m := stagedModel{model: string(r.bytes())}
		for range r.count() {
			m.metas = append(m.metas, r.bytes())
		}
		for range r.count() {
			m.entries = append(m.entries, r.entry())
		}
		for range r.count() {
			m.blobs = append(m.blobs, string(r.bytes()))
		}
		models = append(models, m)
	}
	return models, r.err
}

// count reads how many elements follow: each has at least one byte.
func (r *stagedReader) count() uint64 {
	n, size := binary.Uvarint(r.b)
	if r.err != nil || size <= 0 || n > uint64(len(r.b)-size) {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *stagedReader) bytes() []byte { return r.take(r.count()) }

func (r *stagedReader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *stagedReader) fail() { r.b, r.err = nil, errStaged }

func (r *stagedReader) entry() stagedEntry {
	head := r.take(1 + 16)
	if r.err != nil || len(head) == 0 {
		r.fail()
		return stagedEntry{}
	}
	var e stagedEntry
	e.uid = uuid.UUID(head[1:])
	e.key.Resource = resource.ID(r.bytes())
	e.key.Revision = resource.RevisionID(r.bytes())
	if head[0]&hasVersion != 0 {
		e.key.SchemaVersion = opt.Of(string(r.bytes()))
	}
	if head[0]&hasBytes != 0 {
		e.Info, e.Data = r.bytes(), notNil(r.bytes())
	}
	return e
}

// stagedModels encodes the metas and index entries of a chunk, models by name.
func stagedModels(models map[string]storage.ModelWrites, enc resource.Encoding) ([]stagedModel, error) {
	out := make([]stagedModel, 0, len(models))
	for _, name := range slices.Sorted(maps.Keys(models)) {
		w := models[name]
		m := stagedModel{model: name, blobs: w.Blobs}
		for _, meta := range w.Metas {
			if err := meta.Check(); err != nil {
				return nil, err
			}
			m.metas = append(m.metas, meta.Append(enc, nil))
		}
		for _, r := range w.Revisions {
			if err := r.Info.Check(); err != nil {
				return nil, err
			}
			m.entries = append(m.entries, stagedEntry{entry: entryOf(r.Info)})
		}
		out = append(out, m)
	}
	return out, nil
}

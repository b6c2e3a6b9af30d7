package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// What a chunk stages is remembered as one value: a version byte, then for each
// model its name, the encoded metas, the index entries and the blob ids. Counts
// and lengths are unsigned varints in front of what they count.
const stagedVersion = 1

// stagedEntry is an index entry to be made at publish.
type stagedEntry struct {
	key resource.RevisionKey
	row int64 // of the data table
	// uid is that of the content where revisions are outside; then there is no row.
	uid string
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

// append writes the schema version as an optional text: a length that is one
// too large, or 0 for none.
func (e stagedEntry) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(e.row))
	if e.row == 0 {
		b = appendText(b, e.uid)
	}
	b = appendText(b, e.key.Resource)
	b = appendText(b, e.key.Revision)
	version, versioned := e.key.SchemaVersion.Get()
	if !versioned {
		return append(b, 0)
	}
	return append(binary.AppendUvarint(b, uint64(len(version))+1), version...)
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
	n := r.number()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return n
}

func (r *stagedReader) number() uint64 {
	n, size := binary.Uvarint(r.b)
	if r.err != nil || size <= 0 {
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
	var e stagedEntry
	if e.row = int64(r.number()); e.row == 0 {
		e.uid = string(r.bytes())
	}
	e.key.Resource = resource.ID(r.bytes())
	e.key.Revision = resource.RevisionID(r.bytes())
	if n := r.number(); n > 0 {
		e.key.SchemaVersion = opt.Of(string(r.take(n - 1)))
	}
	return e
}

// stagedModels encodes the metas and index entries of a chunk, models by name.
// The rows of the entries are not known yet.
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
			m.entries = append(m.entries, stagedEntry{key: r.Info.Key()})
		}
		out = append(out, m)
	}
	return out, nil
}

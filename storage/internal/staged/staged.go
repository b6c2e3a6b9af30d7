// Package staged encodes what a chunk of a load has staged: a store remembers that as
// one value until the load is published.
package staged

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// Model is what a chunk will give one model.
type Model struct {
	Name string
	// Metas are encoded.
	Metas   [][]byte
	Entries []Entry
	Blobs   []string
}

// Entry is an index entry to be made at publish.
type Entry struct {
	Key resource.RevisionKey
	// UID is that of the content.
	UID string
	// Row is where the content is in a format with rows, which then keeps no UID; 0
	// where contents are outside.
	Row int64
}

// Format is a form of the value: a version byte, then for each model its name, the
// encoded metas, the index entries and the blob ids. Counts and lengths are unsigned
// varints in front of what they count.
type Format struct{ rows bool }

// The forms that stores have written.
var (
	// UIDs has the uid of each entry.
	UIDs = Format{}
	// Rows has the row of each entry, or 0 and the uid.
	Rows = Format{rows: true}
)

const version = 1

// Append appends the form of models.
func (f Format) Append(b []byte, models []Model) []byte {
	b = append(b, version)
	for _, m := range models {
		b = appendText(b, m.Name)
		b = binary.AppendUvarint(b, uint64(len(m.Metas)))
		for _, meta := range m.Metas {
			b = appendText(b, meta)
		}
		b = binary.AppendUvarint(b, uint64(len(m.Entries)))
		for _, e := range m.Entries {
			b = f.appendEntry(b, e)
		}
		b = binary.AppendUvarint(b, uint64(len(m.Blobs)))
		for _, id := range m.Blobs {
			b = appendText(b, id)
		}
	}
	return b
}

// appendEntry writes the schema version as an optional text: a length that is one
// too large, or 0 for none.
func (f Format) appendEntry(b []byte, e Entry) []byte {
	if f.rows {
		b = binary.AppendUvarint(b, uint64(e.Row))
	}
	if !f.rows || e.Row == 0 {
		b = appendText(b, e.UID)
	}
	b = appendText(b, e.Key.Resource)
	b = appendText(b, e.Key.Revision)
	version, versioned := e.Key.SchemaVersion.Get()
	if !versioned {
		return append(b, 0)
	}
	return append(binary.AppendUvarint(b, uint64(len(version))+1), version...)
}

func appendText[T ~string | ~[]byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// ErrDamaged says that a value is none of the form.
var ErrDamaged = errors.New("staged chunk is damaged")

// Read returns what Append was given. Byte slices alias b.
func (f Format) Read(b []byte) ([]Model, error) {
	if len(b) == 0 || b[0] != version {
		return nil, fmt.Errorf("%w: unknown version", ErrDamaged)
	}
	r := &reader{b: b[1:]}
	var models []Model
	for len(r.b) > 0 && r.err == nil {
		m := Model{Name: string(r.bytes())}
		for range r.count() {
			m.Metas = append(m.Metas, r.bytes())
		}
		for range r.count() {
			m.Entries = append(m.Entries, f.readEntry(r))
		}
		for range r.count() {
			m.Blobs = append(m.Blobs, string(r.bytes()))
		}
		models = append(models, m)
	}
	if r.err != nil {
		return nil, r.err
	}
	return models, nil
}

func (f Format) readEntry(r *reader) Entry {
	var e Entry
	if f.rows {
		e.Row = int64(r.number())
	}
	if e.Row == 0 {
		e.UID = string(r.bytes())
	}
	e.Key.Resource = resource.ID(r.bytes())
	e.Key.Revision = resource.RevisionID(r.bytes())
	if n := r.number(); n > 0 {
		e.Key.SchemaVersion = opt.Of(string(r.take(n - 1)))
	}
	return e
}

// reader takes a value apart. The first error stays.
type reader struct {
	b   []byte
	err error
}

// count reads how many elements or bytes follow: each element has at least one byte.
func (r *reader) count() uint64 {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return n
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.b)
	if r.err != nil || size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) bytes() []byte { return r.take(r.count()) }

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) fail() { r.b, r.err = nil, ErrDamaged }

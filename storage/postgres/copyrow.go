package postgres

import (
	"encoding/binary"
	"iter"
	"time"

	"github.com/google/uuid"
)

// rowsPerCopy is how many rows one COPY takes. Of rows in the binary format the server
// keeps up to 1000 at a time, each in a slot of its own, and the list of a command's slots
// is searched one by one (CopyFrom in copyfrom.c, resowner.c): a row costs the more the
// more there are. A command costs something, too.
const rowsPerCopy = 250

// commandsFor is by how many commands so many rows are copied: at least one.
func commandsFor(rows int) int { return max(1, (rows+rowsPerCopy-1)/rowsPerCopy) }

// copyRows appends rows in the binary format of COPY. Each field is its length and
// its bytes, as an element of a binary array is: see columnsOf in columns.go.
type copyRows struct {
	b []byte
	n int // rows
	// cuts are where in b one COPY ends and the next one begins.
	cuts []int
}

// newCopyRows returns rows with room for size bytes.
func newCopyRows(size int) *copyRows { return &copyRows{b: make([]byte, 0, size)} }

// row begins a row.
func (c *copyRows) row(columns int) {
	c.count()
	c.b = binary.BigEndian.AppendUint16(c.b, uint16(columns))
}

// encoded appends a row that has been encoded before.
func (c *copyRows) encoded(row []byte) {
	c.count()
	c.b = append(c.b, row...)
}

func (c *copyRows) count() {
	if c.n > 0 && c.n%rowsPerCopy == 0 {
		c.cuts = append(c.cuts, len(c.b))
	}
	c.n++
}

// commands returns the rows of each COPY.
func (c *copyRows) commands() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		from := 0
		for _, to := range c.cuts {
			if !yield(c.b[from:to]) {
				return
			}
			from = to
		}
		yield(c.b[from:])
	}
}

func (c *copyRows) null() { c.b = append(c.b, 0xff, 0xff, 0xff, 0xff) }

func (c *copyRows) text(s string) {
	c.b = binary.BigEndian.AppendUint32(c.b, uint32(len(s)))
	c.b = append(c.b, s...)
}

func (c *copyRows) bytes(s []byte) {
	c.b = binary.BigEndian.AppendUint32(c.b, uint32(len(s)))
	c.b = append(c.b, s...)
}

// sized appends a field whose length fill finds out.
func (c *copyRows) sized(fill func([]byte) []byte) {
	at := len(c.b)
	c.b = fill(append(c.b, 0, 0, 0, 0))
	binary.BigEndian.PutUint32(c.b[at:], uint32(len(c.b)-at-4))
}

func (c *copyRows) bool(v bool) {
	c.b = append(c.b, 0, 0, 0, 1, 0)
	if v {
		c.b[len(c.b)-1] = 1
	}
}

// epoch is the time that PostgreSQL counts from: 2000-01-01, in microseconds since 1970.
const epoch = 946_684_800_000_000

func (c *copyRows) time(t time.Time) {
	c.b = binary.BigEndian.AppendUint32(c.b, 8)
	c.b = binary.BigEndian.AppendUint64(c.b, uint64(t.UnixMicro()-epoch))
}

// uid appends a uid as the text that it is in the original's tables.
func (c *copyRows) uid(id uuid.UUID) {
	c.b = binary.BigEndian.AppendUint32(c.b, 36)
	c.b = appendUID(c.b, id)
}

const hexDigits = "0123456789abcdef"

// appendUID appends the canonical text of a uid.
func appendUID(b []byte, id uuid.UUID) []byte {
	for i, v := range id {
		switch i {
		case 4, 6, 8, 10:
			b = append(b, '-')
		}
		b = append(b, hexDigits[v>>4], hexDigits[v&15])
	}
	return b
}

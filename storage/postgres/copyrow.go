package postgres

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// copyHeader begins, and copyTrailer ends, what COPY reads in its binary format (see
// "Binary Format" of the COPY page in PostgreSQL's manual).
var (
	copyHeader  = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	copyTrailer = []byte{0xff, 0xff}
)

// copyRows appends rows in the binary format of COPY. Each field is its length and
// its bytes, as an element of a binary array is: see columnsOf in columns.go.
type copyRows struct{ b []byte }

// newCopyRows returns rows with room for size bytes.
func newCopyRows(size int) *copyRows {
	return &copyRows{b: append(make([]byte, 0, size+len(copyHeader)+len(copyTrailer)), copyHeader...)}
}

// done returns the whole of what COPY reads.
func (c *copyRows) done() []byte { return append(c.b, copyTrailer...) }

// row begins a row.
func (c *copyRows) row(columns int) { c.b = binary.BigEndian.AppendUint16(c.b, uint16(columns)) }

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

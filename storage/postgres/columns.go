package postgres

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// columnsOf turns encoded rows, each without header and trailer, into one binary
// array for each column, of the given element types.
func columnsOf(rows [][]byte, types []uint32) [][]byte {
	return survey(rows, types).spread()
}

// sparedOf is columnsOf with an empty array for each column, but the first, that has
// the same value in all rows. Then that is the column's among values, else NULL is.
// Columns that are not sent have empty arrays, too.
func sparedOf(rows [][]byte, types []uint32, sent []int) (arrays, values [][]byte) {
	s := survey(rows, types)
	values = make([][]byte, len(types))
	for i := range s.columns {
		c := &s.columns[i]
		if !slices.Contains(sent, i) {
			c.left = true
			continue
		}
		c.left = c.same && i > 0
		if c.left && !isNull(c.first) {
			values[i] = c.first[4:len(c.first):len(c.first)]
		}
	}
	return s.spread(), values
}

// columns are rows that are made arrays of.
type columns struct {
	rows    [][]byte
	columns []column
}

// column is what all rows have in one place.
type column struct {
	kind  uint32
	first []byte // the field of the first row
	size  int    // of all fields
	same  bool   // all fields are the first
	left  bool   // its array is left empty
}

// survey looks at every field of rows.
func survey(rows [][]byte, types []uint32) columns {
	s := columns{rows, make([]column, len(types))}
	for i, kind := range types {
		s.columns[i].kind = kind
	}
	for n, r := range rows {
		r = r[2:] // the number of columns
		for i := range s.columns {
			c := &s.columns[i]
			size := fieldSize(r)
			c.size += size
			if n == 0 {
				c.first, c.same = r[:size], true
			} else if c.same {
				c.same = bytes.Equal(c.first, r[:size])
			}
			r = r[size:]
		}
	}
	return s
}

// spread writes the columns as arrays.
func (s columns) spread() [][]byte {
	total := 0
	for i := range s.columns {
		if c := &s.columns[i]; !c.left {
			total += c.size
		}
	}
	room := make([]byte, total+arrayHead*len(s.columns))
	arrays := make([][]byte, len(s.columns))
	for i := range s.columns {
		c := &s.columns[i]
		n, end := len(s.rows), arrayHead+c.size
		if c.left {
			n, end = 0, arrayHead
		}
		arrays[i] = appendArrayHead(room[:0:end], c.kind, n)
		room = room[end:]
	}
	for _, r := range s.rows {
		r = r[2:]
		for i := range arrays {
			size := fieldSize(r)
			if !s.columns[i].left {
				arrays[i] = append(arrays[i], r[:size]...)
			}
			r = r[size:]
		}
	}
	return arrays
}

// appendArrayHead begins a binary array of n elements, see array.
func appendArrayHead(b []byte, oid uint32, n int) []byte {
	b = binary.BigEndian.AppendUint32(b, 1) // dimensions
	b = binary.BigEndian.AppendUint32(b, 1) // there may be nulls
	b = binary.BigEndian.AppendUint32(b, oid)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	return binary.BigEndian.AppendUint32(b, 1) // lower bound
}

// fieldSize is how many bytes the field takes that row begins with.
func fieldSize(row []byte) int {
	return 4 + max(int(int32(binary.BigEndian.Uint32(row))), 0)
}

// isNull reports whether the field is NULL that row begins with.
func isNull(row []byte) bool { return int32(binary.BigEndian.Uint32(row)) < 0 }

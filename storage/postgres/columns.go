package postgres

import (
	"bytes"
	"encoding/binary"
)

// columnsOf turns encoded rows, each without header and trailer, into one binary
// array for each column, of the given element types.
func columnsOf(rows [][]byte, types []uint32) [][]byte {
	return spread(rows, types, make([]bool, len(types)))
}

// sparedOf is columnsOf with an empty array for each column, but the first, that has
// the same value in all rows. Then that is the column's among values, else NULL is.
func sparedOf(rows [][]byte, types []uint32) (arrays, values [][]byte) {
	same := sameColumns(rows, len(types))
	values = make([][]byte, len(types))
	first := rows[0][2:]
	for i := range types {
		size := fieldSize(first)
		if same[i] && !isNull(first) {
			values[i] = first[4:size:size]
		}
		first = first[size:]
	}
	return spread(rows, types, same), values
}

// sameColumns tells which columns but the first have one value in all rows.
func sameColumns(rows [][]byte, n int) []bool {
	same := make([]bool, n)
	for i := 1; i < n; i++ {
		same[i] = true
	}
	for _, r := range rows[1:] {
		first, r := rows[0][2:], r[2:]
		for i := range same {
			size, other := fieldSize(first), fieldSize(r)
			same[i] = same[i] && bytes.Equal(first[:size], r[:other])
			first, r = first[size:], r[other:]
		}
	}
	return same
}

// spread writes the columns as arrays, empty ones for those to be left out.
func spread(rows [][]byte, types []uint32, leave []bool) [][]byte {
	sizes := make([]int, len(types))
	total := 0
	for _, r := range rows {
		r = r[2:] // the number of columns
		for i := range sizes {
			size := fieldSize(r)
			if !leave[i] {
				sizes[i] += size
				total += size
			}
			r = r[size:]
		}
	}
	room := make([]byte, total+arrayHead*len(types))
	arrays := make([][]byte, len(types))
	for i, oid := range types {
		n := len(rows)
		if leave[i] {
			n = 0
		}
		end := arrayHead + sizes[i]
		arrays[i] = appendArrayHead(room[:0:end], oid, n)
		room = room[end:]
	}
	for _, r := range rows {
		r = r[2:]
		for i := range arrays {
			size := fieldSize(r)
			if !leave[i] {
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

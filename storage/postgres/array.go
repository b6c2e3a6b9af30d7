package postgres

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// array is a parameter of one dimension in the binary format of PostgreSQL's
// protocol: five 32-bit numbers, then each element as its length and its bytes, a
// NULL as the length -1 (array_send and array_recv of the server's arrayfuncs.c).
// An array without elements is an empty array, not NULL.
type array struct {
	b     []byte
	start int // of the array in b
	n     int
	nulls bool
}

// arrayHead is how many bytes are before the elements.
const arrayHead = 20

// newArray returns an empty array of elements of the type with the given OID (those
// of package pgtype), with room for n elements of size bytes.
func newArray(oid uint32, n, size int) *array {
	return arrayIn(make([]byte, 0, arrayHead+n*(4+size)), oid)
}

// arrayIn returns an empty array that is written behind what b holds, so that the
// arrays of a statement share one buffer.
func arrayIn(b []byte, oid uint32) *array {
	a := &array{b: b, start: len(b)}
	a.b = binary.BigEndian.AppendUint32(a.b, 1) // dimensions
	a.b = binary.BigEndian.AppendUint32(a.b, 0) // whether there are nulls: see param
	a.b = binary.BigEndian.AppendUint32(a.b, oid)
	a.b = binary.BigEndian.AppendUint32(a.b, 0) // elements: see param
	a.b = binary.BigEndian.AppendUint32(a.b, 1) // lower bound
	return a
}

// param returns the parameter as it is sent. It is good until the next append.
func (a *array) param() []byte {
	var nulls uint32
	if a.nulls {
		nulls = 1
	}
	p := a.b[a.start:]
	binary.BigEndian.PutUint32(p[4:], nulls)
	binary.BigEndian.PutUint32(p[12:], uint32(a.n))
	return p
}

// sized begins an element of the given length.
func (a *array) sized(size int) {
	a.n++
	a.b = binary.BigEndian.AppendUint32(a.b, uint32(size))
}

func (a *array) appendNull() {
	a.n, a.nulls = a.n+1, true
	a.b = append(a.b, 0xff, 0xff, 0xff, 0xff)
}

func (a *array) appendText(s string) {
	a.sized(len(s))
	a.b = append(a.b, s...)
}

// appendKey is appendText with NULL for no text.
func (a *array) appendKey(s string) {
	if s == "" {
		a.appendNull()
		return
	}
	a.appendText(clean(s))
}

// appendBytes appends an element of bytea; empty ones too: see appendSome.
func (a *array) appendBytes(b []byte) {
	a.sized(len(b))
	a.b = append(a.b, b...)
}

// appendSome is appendBytes with NULL for no bytes.
func (a *array) appendSome(b []byte) {
	if len(b) == 0 {
		a.appendNull()
		return
	}
	a.appendBytes(b)
}

// appendID appends an element of uuid, NULL for uuid.Nil.
func (a *array) appendID(id uuid.UUID) {
	if id == uuid.Nil {
		a.appendNull()
		return
	}
	a.appendBytes(id[:])
}

func (a *array) appendBool(v bool) {
	a.sized(1)
	var b byte
	if v {
		b = 1
	}
	a.b = append(a.b, b)
}

// appendInt4 appends an element of integer.
func (a *array) appendInt4(v int32) {
	a.sized(4)
	a.b = binary.BigEndian.AppendUint32(a.b, uint32(v))
}

// appendInt8 appends an element of bigint.
func (a *array) appendInt8(v int64) {
	a.sized(8)
	a.b = binary.BigEndian.AppendUint64(a.b, uint64(v))
}

// appendTID appends an element of tid: the place of a row.
func (a *array) appendTID(v pgtype.TID) {
	a.sized(6)
	a.b = binary.BigEndian.AppendUint32(a.b, v.BlockNumber)
	a.b = binary.BigEndian.AppendUint16(a.b, v.OffsetNumber)
}

// appendTime appends an element of timestamptz, or of timestamp, which is then the
// time in UTC; NULL for the zero time.
func (a *array) appendTime(t time.Time) {
	if t.IsZero() {
		a.appendNull()
		return
	}
	a.appendInt8(t.UnixMicro() - epoch)
}

// execBinary runs a statement, which a connection prepares once, with parameters in
// the binary format, and returns how many rows it wrote.
func (t *tx) execBinary(query string, params ...[]byte) (int64, error) {
	return t.eachBinary(query, params, nil)
}

// eachBinary is execBinary that also calls scan with each row that the statement
// gives, its values in the binary format and good until scan returns.
func (t *tx) eachBinary(query string, params [][]byte, scan func([][]byte)) (int64, error) {
	prepared, err := t.conn.Prepare(t.ctx, query, query)
	if err != nil {
		return 0, err
	}
	binary := []int16{1}
	rows := t.conn.PgConn().ExecPrepared(t.ctx, prepared.Name, params, binary, binary)
	for rows.NextRow() {
		scan(rows.Values())
	}
	tag, err := rows.Close()
	return tag.RowsAffected(), err
}

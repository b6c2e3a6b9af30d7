package postgres

import (
	"encoding/binary"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// timeForm is how the times of metas are sent.
type timeForm int

const (
	// inUTC: as they are in the columns, which have no zone while the session is in UTC.
	inUTC timeForm = iota
	// asInstants: the columns have a zone and keep instants.
	asInstants
	// inWords: the session is in another zone than UTC. As with the original, the
	// server converts instants to that zone, and takes times without a zone as they are.
	inWords
)

// timeForm returns how times are sent to a model's meta table.
func (t *tx) timeForm(names tables) timeForm {
	switch {
	case !t.f.utc:
		return inWords
	case names.zoned:
		return asInstants
	}
	return inUTC
}

// sent returns the type of the arrays that times are sent in.
func (f timeForm) sent() (oid uint32, name string) {
	switch f {
	case inWords:
		return pgtype.TextOID, "text"
	case asInstants:
		return pgtype.TimestamptzOID, "timestamptz"
	}
	return pgtype.TimestampOID, "timestamp"
}

// read returns the SQL that makes a column's value of a time that was sent.
func (f timeForm) read(column string, zoned bool) string {
	switch {
	case f != inWords:
		return column
	case zoned:
		return column + "::timestamptz"
	}
	return "CASE WHEN right(" + column + ", 1) = 'Z' THEN " + column + "::timestamptz::timestamp ELSE " + column + "::timestamp END"
}

// isTime reports whether a column of metaColumns holds a time.
func isTime(column int) bool { return column == 2 || column == 3 || column == 12 || column == 13 }

// withWords returns rows whose times are texts: those that were written with a zone
// end in Z. Which do is only in the encoded meta.
func withWords(rows []metaRow) ([][]byte, error) {
	out := make([][]byte, len(rows))
	for i, r := range rows {
		m, err := decodeMeta(dataOf(r))
		if err != nil {
			return nil, err
		}
		out[i] = wordedRow(r.row, m)
	}
	return out, nil
}

// wordedRow copies a row and replaces its times.
func wordedRow(row []byte, m resource.Meta) []byte {
	times := map[int]opt.Value[time.Time]{2: opt.Of(m.CreatedTime), 3: opt.Of(m.UpdatedTime), 12: m.Rev.CreatedTime, 13: m.Rev.UpdatedTime}
	c := &copyRows{b: make([]byte, 0, len(row)+4*len(timeWords))}
	c.row(metaColumnCount)
	rest := row[2:]
	for column := range metaColumnCount {
		size := 4 + max(int(int32(binary.BigEndian.Uint32(rest))), 0)
		at, set := times[column].Get()
		switch {
		case !isTime(column):
			c.b = append(c.b, rest[:size]...)
		case set && resource.IsNaive(at):
			c.text(at.Format(timeWords))
		case set:
			c.text(at.UTC().Format(timeWords + "Z"))
		default:
			c.null()
		}
		rest = rest[size:]
	}
	return c.b
}

// timeWords is a time as PostgreSQL reads it, whatever its DateStyle.
const timeWords = "2006-01-02 15:04:05.000000"

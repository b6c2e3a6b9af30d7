package postgres

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// metaColumns are the columns of a meta table, in the order of metaRows.
const metaColumns = `resource_id, data, created_time, updated_time, created_by, updated_by, is_deleted, schema_version, indexed_data, ` +
	`rev_status, rev_created_by, rev_updated_by, rev_created_time, rev_updated_time`

// metaColumnCount is how many they are.
const metaColumnCount = 14

// Columns that statements set, by their places in metaColumns, behind the id: every one,
// or what only rev_* fields are in.
var (
	everyColumn = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}
	revColumns  = []int{0, 1, 9, 10, 11, 12, 13}
)

// metaTypes are the element types of metaColumns.
func metaTypes(f timeForm) []uint32 {
	at, _ := f.sent()
	return []uint32{
		pgtype.TextOID, pgtype.ByteaOID, at, at, pgtype.TextOID, pgtype.TextOID, pgtype.BoolOID, pgtype.TextOID, pgtype.JSONBOID,
		pgtype.TextOID, pgtype.TextOID, pgtype.TextOID, at, at,
	}
}

// metaRow is a meta encoded as a row of COPY.
type metaRow struct {
	id  resource.ID
	row []byte
}

// metaRows are the rows of a model's metas, sorted by id, none twice.
type metaRows struct {
	rows   []metaRow
	buffer []byte // that rows share
	// whole are all rows as COPY takes them, when rows are all that were encoded.
	whole *copyRows
	// known are those of rows that are there already, the others are fresh: see split.
	known, fresh []metaRow
}

// encodeMetaRows encodes metas as rows of their table; of those with the same id the
// last one counts.
func (f *Factory) encodeMetaRows(t tables, metas []resource.Meta) (metaRows, error) {
	rows, whole, err := f.encodeRows(t, metas)
	if err != nil {
		return metaRows{}, err
	}
	r := metaRows{rows: rows, buffer: whole.b}
	if slices.IsSortedFunc(rows, byID) {
		r.whole = whole
	}
	if r.rows = lastOf(rows); len(r.rows) < len(metas) {
		r.whole = nil
	}
	r.fresh = r.rows
	return r, nil
}

// split tells the rows apart whose ids are known.
func (r *metaRows) split(known map[resource.ID]int) {
	if len(known) == 0 {
		return
	}
	r.known, r.fresh = nil, nil
	for _, row := range r.rows {
		if _, ok := known[row.id]; ok {
			r.known = append(r.known, row)
		} else {
			r.fresh = append(r.fresh, row)
		}
	}
	if len(r.known) > 0 {
		r.whole = nil
	}
}

// copied returns the fresh rows as COPY takes them.
func (r *metaRows) copied() *copyRows {
	if r.whole != nil {
		return r.whole
	}
	return copyOfMetas(r.fresh)
}

// copyOfMetas returns rows of metaColumns for COPY.
func copyOfMetas(rows []metaRow) *copyRows {
	size := 0
	for _, r := range rows {
		size += len(r.row)
	}
	c := newCopyRows(size)
	for _, r := range rows {
		c.encoded(r.row)
	}
	return c
}

func byID(a, b metaRow) int { return strings.Compare(string(a.id), string(b.id)) }

// encodeMetas encodes metas as rows of their table, in their order.
func (f *Factory) encodeMetas(t tables, metas []resource.Meta) ([]metaRow, error) {
	rows, _, err := f.encodeRows(t, metas)
	return rows, err
}

// encodeRows encodes metas into one buffer, which the rows share.
func (f *Factory) encodeRows(t tables, metas []resource.Meta) ([]metaRow, *copyRows, error) {
	rows := make([]metaRow, len(metas))
	ends := make([]int, len(metas))
	c := f.buffers.metas.rows(1024 * len(metas))
	var scratch []byte
	var bad storage.RecordErrors
	from := len(c.b)
	for i := range metas {
		m := &metas[i]
		err := m.Check()
		if err != nil {
			err = &storage.RecordError{Model: t.model, ID: m.ResourceID, Reason: err.Error()}
		} else {
			scratch, err = f.encodeMeta(c, t, m, scratch)
		}
		if err := bad.Add(err); err != nil {
			return nil, nil, err
		}
		ends[i] = len(c.b)
	}
	if err := bad.Err(); err != nil {
		return nil, nil, err
	}
	for i, to := range ends {
		rows[i] = metaRow{id: metas[i].ResourceID, row: c.b[from:to:to]}
		from = to
	}
	return rows, c, nil
}

// encodeMeta appends one row. scratch is a buffer to be used again.
func (f *Factory) encodeMeta(c *copyRows, t tables, m *resource.Meta, scratch []byte) ([]byte, error) {
	c.row(metaColumnCount)
	c.text(string(m.ResourceID))
	c.sized(func(b []byte) []byte { return m.Append(f.encoding(), b) })
	c.time(m.CreatedTime)
	c.time(m.UpdatedTime)
	c.text(m.CreatedBy)
	c.text(m.UpdatedBy)
	c.bool(m.IsDeleted)
	optText(c, m.SchemaVersion)
	if x, ok := m.IndexedData.Get(); ok {
		scratch = x.AppendJSON(append(scratch[:0], 1)) // the version of jsonb's binary form
		if field, bad := holdsNUL(x, scratch); bad {
			return scratch, &storage.RecordError{Model: t.model, ID: m.ResourceID, Field: "indexed_data." + field, Reason: "PostgreSQL cannot hold the character U+0000 in an indexed value"}
		}
		c.bytes(scratch)
	} else {
		c.null()
	}
	optText(c, m.Rev.Status)
	optText(c, m.Rev.CreatedBy)
	optText(c, m.Rev.UpdatedBy)
	optTime(c, m.Rev.CreatedTime)
	optTime(c, m.Rev.UpdatedTime)
	return scratch, checkTexts(t, m)
}

func optText[T ~string](c *copyRows, v opt.Value[T]) {
	if s, ok := v.Get(); ok {
		c.text(string(s))
		return
	}
	c.null()
}

func optTime(c *copyRows, v opt.Value[time.Time]) {
	if t, ok := v.Get(); ok {
		c.time(t)
		return
	}
	c.null()
}

// holdsNUL returns the path of the first indexed value whose JSON has an escaped
// NUL in it.
func holdsNUL(x resource.Indexed, text []byte) (string, bool) {
	if !bytes.Contains(text, []byte(`\u0000`)) {
		return "", false
	}
	for path, value := range x.All() {
		if strings.ContainsRune(path, 0) || valueHoldsNUL(value) {
			return path, true
		}
	}
	return "", false // a backslash stood before it
}

func valueHoldsNUL(value any) bool {
	switch v := value.(type) {
	case string:
		return strings.ContainsRune(v, 0)
	case []any:
		for _, e := range v {
			if valueHoldsNUL(e) {
				return true
			}
		}
	case map[string]any:
		for k, e := range v {
			if strings.ContainsRune(k, 0) || valueHoldsNUL(e) {
				return true
			}
		}
	}
	return false
}

// maxIndexedText is how many bytes a text in an index may have: PostgreSQL takes
// index rows of 2,704 bytes, and ours hold two texts and a time beside an id.
const maxIndexedText = 1200

// What the columns of the SQLAlchemy layout take, in characters.
const (
	maxColumnText    = 255
	maxVersionColumn = 100
	maxStatusColumn  = 50
)

// checkTexts reports which text of a meta its table cannot hold.
func checkTexts(t tables, m *resource.Meta) error {
	for _, x := range []struct {
		field, text string
		column      int
	}{
		{"resource_id", string(m.ResourceID), maxColumnText},
		{"created_by", m.CreatedBy, maxColumnText},
		{"updated_by", m.UpdatedBy, maxColumnText},
		{"schema_version", m.SchemaVersion.Or(""), maxVersionColumn},
		{"rev_status", string(m.Rev.Status.Or("")), maxStatusColumn},
		{"rev_created_by", m.Rev.CreatedBy.Or(""), maxColumnText},
		{"rev_updated_by", m.Rev.UpdatedBy.Or(""), maxColumnText},
	} {
		reason := badText(x.text)
		if reason == "" && t.zoned && utf8.RuneCountInString(x.text) > x.column {
			reason = fmt.Sprintf("it is longer than the column's %d characters", x.column)
		}
		if reason != "" {
			return &storage.RecordError{Model: t.model, ID: m.ResourceID, Field: x.field, Reason: reason}
		}
	}
	return nil
}

// badText reports why a column cannot hold a text, "" when it can.
func badText(text string) string {
	switch {
	case len(text) > maxIndexedText:
		return fmt.Sprintf("its %d bytes do not fit in an index of PostgreSQL (at most %d)", len(text), maxIndexedText)
	case strings.IndexByte(text, 0) >= 0:
		return "PostgreSQL cannot hold the character U+0000"
	case !utf8.ValidString(text):
		return "it is not UTF-8"
	}
	return ""
}

// field returns the nth field of an encoded row, nil for NULL.
func field(row []byte, n int) []byte {
	row = row[2:]
	for {
		size := int32(binary.BigEndian.Uint32(row))
		row = row[4:]
		if n == 0 && size >= 0 {
			return row[:size]
		}
		if n == 0 {
			return nil
		}
		n--
		row = row[max(size, 0):]
	}
}

// dataOf returns the encoded meta in a row.
func dataOf(r metaRow) []byte { return field(r.row, 1) }

// rowOf returns an encoded row with its id.
func rowOf(row []byte) metaRow { return metaRow{id: resource.ID(field(row, 0)), row: row} }

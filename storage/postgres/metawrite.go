package postgres

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// insertMetas adds the fresh rows; one that is there gives a unique violation.
func (t *tx) insertMetas(names tables, rows metaRows) error {
	if len(rows.fresh) == 0 {
		return nil
	}
	if f := t.timeForm(names); f == inWords {
		return t.execRows(names.insertMetas(f), rows.fresh, f)
	}
	return t.copyIn(names.meta, metaColumns, rows.copied())
}

// changeMetas replaces the rows that a view has read: those very rows, which are found
// by their places. Where one is another by now, as those may be that were read without
// a lock, the unit is done again. rows are sorted by id, none twice.
func (t *tx) changeMetas(v *view, names tables, rows []metaRow) error {
	if len(rows) == 0 {
		return nil
	}
	at, by := newArray(pgtype.TIDOID, len(rows), 6), newArray(pgtype.XIDOID, len(rows), 4)
	for _, r := range rows {
		row := v.versions[storage.Ref{Model: names.model, ID: r.id}]
		at.appendTID(row.at)
		by.appendInt4(int32(row.by))
	}
	f := t.timeForm(names)
	columns, err := encodedColumns(rows, f)
	if err != nil {
		return err
	}
	n, err := t.execBinary(names.changeMetas(f), append(columns, at.param(), by.param())...)
	if err == nil && int(n) != len(rows) {
		err = errRaced
	}
	return err
}

// upsertMetas inserts or replaces metas. rows are sorted by id, none twice.
func (t *tx) upsertMetas(names tables, rows []metaRow) error {
	if len(rows) == 0 {
		return nil
	}
	f := t.timeForm(names)
	return t.execRows(names.upsertMetas(f), rows, f)
}

// execRows runs a statement whose parameters are the columns of rows, as arrays.
func (t *tx) execRows(query string, rows []metaRow, f timeForm) error {
	columns, err := encodedColumns(rows, f)
	if err == nil {
		_, err = t.execBinary(query, columns...)
	}
	return err
}

// encodedColumns turns rows into the arrays that metaArrays takes.
func encodedColumns(rows []metaRow, f timeForm) (columns [][]byte, err error) {
	encoded := make([][]byte, len(rows))
	for i, r := range rows {
		encoded[i] = r.row
	}
	if f == inWords {
		if encoded, err = withWords(rows); err != nil {
			return nil, err
		}
	}
	return columnsOf(encoded, metaTypes(f)), nil
}

// metaArrays is a table of the rows that arrays of metaColumns, and of more columns
// behind them, hold: times as they are sent, see timeForm.
func (t tables) metaArrays(f timeForm, more ...string) string {
	_, at := f.sent()
	kinds := append([]string{"text", "bytea", at, at, "text", "text", "bool", "text", "jsonb", "text", "text", "text", at, at}, more...)
	params := make([]string, len(kinds))
	for i, k := range kinds {
		params[i] = "$" + strconv.Itoa(i+1) + "::" + k + "[]"
	}
	return `unnest(` + strings.Join(params, ", ") + `)`
}

// sentColumns are the values of metaColumns in a table of metaArrays.
func (t tables) sentColumns(f timeForm, from string) []string {
	columns := strings.Split(metaColumns, ", ")
	for i := range columns {
		columns[i] = from + columns[i]
		if isTime(i) {
			columns[i] = f.read(columns[i], t.zoned)
		}
	}
	return columns
}

func (t tables) fromArrays(f timeForm, conflict string) string {
	return `INSERT INTO ` + t.meta + ` (` + metaColumns + `) SELECT ` + strings.Join(t.sentColumns(f, "sent."), ", ") +
		` FROM ` + t.metaArrays(f) + ` AS sent (` + metaColumns + `)` + conflict
}

func (t tables) insertMetas(f timeForm) string { return t.fromArrays(f, "") }

// upsertMetas replaces every column but the id.
func (t tables) upsertMetas(f timeForm) string {
	var set []string
	for _, c := range strings.Split(metaColumns, ", ")[1:] {
		set = append(set, c+" = excluded."+c)
	}
	return t.fromArrays(f, ` ON CONFLICT (resource_id) DO UPDATE SET `+strings.Join(set, ", "))
}

// changeMetas replaces every column but the id of the rows at the places and of the
// versions that two more arrays hold. The server finds the rows by their places, in
// the order of the arrays: that of the ids.
func (t tables) changeMetas(f timeForm) string {
	values := t.sentColumns(f, "sent.")[1:]
	set := make([]string, len(values))
	for i, c := range strings.Split(metaColumns, ", ")[1:] {
		set[i] = c + " = " + values[i]
	}
	return `UPDATE ` + t.meta + ` AS m SET ` + strings.Join(set, ", ") + ` FROM ` + t.metaArrays(f, "tid", "xid") + ` AS sent (` + metaColumns + `, at, by)
		WHERE m.ctid = sent.at AND m.xmin = sent.by AND m.resource_id = sent.resource_id`
}

// fillColumns sets some columns of rows that are there.
func (t tables) fillColumns(f timeForm, columns []string) string {
	set := make([]string, len(columns))
	for i, c := range columns {
		set[i] = c + " = new." + c
	}
	return `UPDATE ` + t.meta + ` AS m SET ` + strings.Join(set, ", ") + ` FROM (SELECT ` + strings.Join(t.sentColumns(f, "sent."), ", ") +
		` FROM ` + t.metaArrays(f) + ` AS sent (` + metaColumns + `)) AS new (` + metaColumns + `) WHERE m.resource_id = new.resource_id`
}

// lastOf folds repeated ids to their last row and sorts by id.
func lastOf(rows []metaRow) []metaRow {
	slices.SortStableFunc(rows, byID)
	kept := rows[:0]
	for i, r := range rows {
		if i+1 < len(rows) && rows[i+1].id == r.id {
			continue
		}
		kept = append(kept, r)
	}
	return kept
}

// deleteMetas removes metas, in the order of their ids.
func (t *tx) deleteMetas(names tables, ids []resource.ID) error {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	_, err := t.exec(`DELETE FROM `+names.meta+` WHERE resource_id IN (
		SELECT resource_id FROM `+names.meta+` WHERE resource_id = ANY($1) ORDER BY resource_id COLLATE "C" FOR UPDATE)`, texts(slices.Compact(sorted)))
	return err
}

package postgres

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/resource"
)

// insertMetas has the next flush add the fresh rows; one that is there gives a unique violation.
func (t *tx) insertMetas(names tables, rows metaRows) error {
	if len(rows.fresh) == 0 {
		return nil
	}
	if f := t.timeForm(names); f == inWords {
		if err := t.flush(); err != nil {
			return err
		}
		return t.execRows(names.insertMetas(f), rows.fresh, f)
	}
	t.copyLater(names.meta, metaColumns, len(rows.fresh), rows.copied)
	return nil
}

// changeMetas has the next flush replace rows that were read: those very rows, which are found
// by their places. Where one is another by now, as those may be that were read without
// a lock, the unit is done again. rows are sorted by id, none twice.
func (t *tx) changeMetas(names tables, rows []metaRow, read func(resource.ID) version) error {
	if len(rows) == 0 {
		return nil
	}
	at, by := newArray(pgtype.TIDOID, len(rows), 6), newArray(pgtype.XIDOID, len(rows), 4)
	for _, r := range rows {
		row := read(r.id)
		at.appendTID(row.at)
		by.appendInt4(int32(row.by))
	}
	f := t.timeForm(names)
	encoded, err := encodedRows(rows, f)
	if err != nil {
		return err
	}
	arrays, values := sparedOf(encoded, metaTypes(f), everyColumn)
	return t.execLater(names.changeMetas(f), len(rows), append(append(arrays, at.param(), by.param()), values[1:]...))
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
	encoded, err := encodedRows(rows, f)
	if err == nil {
		_, err = t.execBinary(query, columnsOf(encoded, metaTypes(f))...)
	}
	return err
}

// encodedRows returns rows with their times as they are sent.
func encodedRows(rows []metaRow, f timeForm) ([][]byte, error) {
	if f == inWords {
		return withWords(rows)
	}
	encoded := make([][]byte, len(rows))
	for i, r := range rows {
		encoded[i] = r.row
	}
	return encoded, nil
}

// metaKinds are the types of metaColumns, with that of times.
func metaKinds(at string) []string {
	return []string{"text", "bytea", at, at, "text", "text", "bool", "text", "jsonb", "text", "text", "text", at, at}
}

// metaArrays is a table of the rows that arrays of metaColumns, and of more columns
// behind them, hold: times as they are sent, see timeForm.
func (t tables) metaArrays(f timeForm, more ...string) string {
	_, at := f.sent()
	kinds := append(metaKinds(at), more...)
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
// the order of the arrays: that of the ids. Behind the arrays come the values of the
// columns whose arrays are empty: each array that the server unnests it stores once more.
func (t tables) changeMetas(f timeForm) string {
	_, at := f.sent()
	kinds := append(metaKinds(at), "tid", "xid")
	return `UPDATE ` + t.meta + ` AS m SET ` + t.setSpared(f, kinds, everyColumn) + ` FROM ` + t.metaArrays(f, "tid", "xid") + ` AS sent (` + metaColumns + `, at, by)
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

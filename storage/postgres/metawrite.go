package postgres

import (
	"slices"
	"strconv"
	"strings"

	"github.com/specstar-worker/worker/resource"
)

// insertMetas adds rows of metas that are not there; one that is gives a unique
// violation. rows are sorted by id.
func (t *tx) insertMetas(names tables, rows []metaRow) error {
	if len(rows) == 0 {
		return nil
	}
	if f := t.timeForm(names); f == inWords {
		return t.execRows(names.insertMetas(f), rows, f)
	}
	size := 0
	for _, r := range rows {
		size += len(r.row)
	}
	c := newCopyRows(size)
	for _, r := range rows {
		c.b = append(c.b, r.row...)
	}
	return t.copyIn(names.meta, metaColumns, c.done())
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
	encoded := make([][]byte, len(rows))
	for i, r := range rows {
		encoded[i] = r.row
	}
	if f == inWords {
		var err error
		if encoded, err = withWords(rows); err != nil {
			return err
		}
	}
	return t.execColumns(query, columnsOf(encoded, metaTypes(f)))
}

// execColumns runs a statement with binary parameters; it is prepared once for a
// connection.
func (t *tx) execColumns(query string, columns [][]byte) error {
	prepared, err := t.conn.Prepare(t.ctx, query, query)
	if err != nil {
		return err
	}
	binary := make([]int16, len(columns))
	for i := range binary {
		binary[i] = 1
	}
	return t.conn.PgConn().ExecPrepared(t.ctx, prepared.Name, columns, binary, nil).Read().Err
}

// metaArrays selects the rows that arrays of metaColumns hold.
func (t tables) metaArrays(f timeForm) string {
	_, at := f.sent()
	kinds := []string{"text", "bytea", at, at, "text", "text", "bool", "text", "jsonb", "text", "text", "text", at, at}
	params, columns := make([]string, len(kinds)), strings.Split(metaColumns, ", ")
	for i, k := range kinds {
		params[i] = "$" + strconv.Itoa(i+1) + "::" + k + "[]"
		if isTime(i) {
			columns[i] = f.read(columns[i], t.zoned)
		}
	}
	return `SELECT ` + strings.Join(columns, ", ") + ` FROM unnest(` + strings.Join(params, ", ") + `) AS sent (` + metaColumns + `)`
}

func (t tables) fromArrays(f timeForm, conflict string) string {
	return `INSERT INTO ` + t.meta + ` (` + metaColumns + `) ` + t.metaArrays(f) + conflict
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

// fillColumns sets some columns of rows that are there.
func (t tables) fillColumns(f timeForm, columns []string) string {
	set := make([]string, len(columns))
	for i, c := range columns {
		set[i] = c + " = new." + c
	}
	return `UPDATE ` + t.meta + ` AS m SET ` + strings.Join(set, ", ") + ` FROM (` + t.metaArrays(f) + `) AS new (` + metaColumns + `) WHERE m.resource_id = new.resource_id`
}

// lastOf folds repeated ids to their last row and sorts by id.
func lastOf(rows []metaRow) []metaRow {
	slices.SortStableFunc(rows, func(a, b metaRow) int { return strings.Compare(string(a.id), string(b.id)) })
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

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
	if !t.f.utc && !names.zoned {
		return t.execRows(names.insertMetas(true), rows, metaTypes(true)) // the server converts the times
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
	zoned := !t.f.utc || names.zoned
	return t.execRows(names.upsertMetas(zoned), rows, metaTypes(zoned))
}

// execRows runs a statement whose parameters are the columns of rows, as arrays.
func (t *tx) execRows(query string, rows []metaRow, types []uint32) error {
	encoded := make([][]byte, len(rows))
	for i, r := range rows {
		encoded[i] = r.row
	}
	return t.execColumns(query, columnsOf(encoded, types))
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

// fromArrays inserts what arrays of metaColumns hold. Times with a zone are converted
// by the server where the columns have none.
func (t tables) fromArrays(zoned bool, conflict string) string {
	at := "timestamp"
	if zoned {
		at = "timestamptz"
	}
	kinds := []string{"text", "bytea", at, at, "text", "text", "bool", "text", "jsonb", "text", "text", "text", at, at}
	var params strings.Builder
	for i, k := range kinds {
		if i > 0 {
			params.WriteString(", ")
		}
		params.WriteString("$" + strconv.Itoa(i+1) + "::" + k + "[]")
	}
	return `INSERT INTO ` + t.meta + ` (` + metaColumns + `) SELECT * FROM unnest(` + params.String() + `)` + conflict
}

func (t tables) insertMetas(zoned bool) string { return t.fromArrays(zoned, "") }

// upsertMetas replaces every column but the id.
func (t tables) upsertMetas(zoned bool) string {
	var set []string
	for _, c := range strings.Split(metaColumns, ", ")[1:] {
		set = append(set, c+" = excluded."+c)
	}
	return t.fromArrays(zoned, ` ON CONFLICT (resource_id) DO UPDATE SET `+strings.Join(set, ", "))
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

package postgres

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// CompareAndSwap replaces each meta whose stored bytes are still Old.
func (s metaStore) CompareAndSwap(ctx context.Context, swaps []storage.Swap) ([]bool, error) {
	swapped := make([]bool, len(swaps))
	if len(swaps) == 0 {
		return swapped, ctx.Err()
	}
	metas := make([]resource.Meta, len(swaps))
	at := make(map[resource.ID]int, len(swaps))
	for i, swap := range swaps {
		metas[i] = swap.New
		at[swap.New.ResourceID] = i
	}
	rows, err := s.f.encodeMetas(s.t, metas)
	if err != nil {
		return nil, err
	}
	err = s.f.write(ctx, s.doing("replace metas"), func(t *tx) error {
		if len(at) < len(swaps) {
			return t.swapInTurn(s.t, swaps, metas, rows, swapped)
		}
		clear(swapped)
		return t.swapMetas(s.t, swaps, rows, func(id resource.ID) { swapped[at[id]] = true })
	})
	if err != nil {
		return nil, err
	}
	return swapped, nil
}

// swapMetas replaces rows that still are what swaps say, no id twice, and calls done
// for each. The server takes and locks them in the order of their ids: it joins by
// nested loops, see begin.
func (t *tx) swapMetas(names tables, swaps []storage.Swap, rows []metaRow, done func(resource.ID)) error {
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(string(rows[a].id), string(rows[b].id)) })
	sorted, old := make([]metaRow, len(rows)), newArray(pgtype.ByteaOID, len(rows), 0)
	for n, i := range order {
		sorted[n] = rows[i]
		old.appendBytes(swaps[i].Old)
	}
	f := t.timeForm(names)
	encoded, err := encodedRows(sorted, f)
	if err != nil {
		return err
	}
	columns := swappedColumns(swaps)
	arrays, values := sparedOf(encoded, metaTypes(f), columns)
	params := append(arrays, old.param())
	for _, c := range columns[1:] {
		params = append(params, values[c])
	}
	_, err = t.eachBinary(names.swapMetas(f, columns), params, func(row [][]byte) {
		done(resource.ID(row[0]))
	})
	return err
}

// swappedColumns are the columns that swaps set. The fewer there are, the less the server
// takes in and looks at.
func swappedColumns(swaps []storage.Swap) []int {
	for _, s := range swaps {
		if !s.RevOnly {
			return everyColumn
		}
	}
	return revColumns
}

// swapMetas replaces columns of rows whose bytes are those of one more array. Behind the
// arrays come the values of the columns whose arrays are empty.
func (t tables) swapMetas(f timeForm, columns []int) string {
	_, at := f.sent()
	kinds := append(metaKinds(at), "bytea")
	return `UPDATE ` + t.meta + ` AS m SET ` + t.setSpared(f, kinds, columns) + ` FROM ` + t.metaArrays(f, "bytea") + ` AS sent (` + metaColumns + `, old)
		WHERE m.resource_id = sent.resource_id AND m.data = sent.old RETURNING m.resource_id`
}

// setSpared sets columns, but the id, which is the first, to what arrays of so many kinds
// have, else to a parameter behind them.
func (t tables) setSpared(f timeForm, kinds []string, columns []int) string {
	names := strings.Split(metaColumns, ", ")
	set := make([]string, 0, len(columns))
	for n, c := range columns[1:] {
		value := "coalesce(sent." + names[c] + ", $" + strconv.Itoa(len(kinds)+n+1) + "::" + kinds[c] + ")"
		if isTime(c) {
			value = f.read(value, t.zoned)
		}
		set = append(set, names[c]+" = "+value)
	}
	return strings.Join(set, ", ")
}

// swapInTurn does swaps one after another, as if each were alone: the rows are locked in
// the order of their ids, compared, and replaced.
func (t *tx) swapInTurn(names tables, swaps []storage.Swap, metas []resource.Meta, rows []metaRow, swapped []bool) error {
	stored, err := t.lockStored(names, metas)
	if err != nil {
		return err
	}
	var kept []metaRow
	for i, swap := range swaps {
		row, there := stored[swap.New.ResourceID]
		swapped[i] = there && bytes.Equal(row.data, swap.Old)
		if swapped[i] {
			row.data = dataOf(rows[i])
			stored[swap.New.ResourceID] = row
			kept = append(kept, rows[i])
		}
	}
	return errors.Join(t.changeMetas(names, lastOf(kept), func(id resource.ID) version { return stored[id].version }), t.flush())
}

// storedMeta is a row that is locked.
type storedMeta struct {
	data    []byte
	version version
}

// lockStored locks the rows of metas and returns those that are there.
func (t *tx) lockStored(names tables, metas []resource.Meta) (map[resource.ID]storedMeta, error) {
	ids := make([]resource.ID, len(metas))
	for i := range metas {
		ids[i] = metas[i].ResourceID
	}
	slices.Sort(ids)
	stored := make(map[resource.ID]storedMeta, len(ids))
	err := t.each(`SELECT data, ctid, xmin, resource_id FROM `+names.meta+` WHERE resource_id = ANY($1) ORDER BY resource_id COLLATE "C" FOR UPDATE`,
		[]any{texts(slices.Compact(ids))}, func(rows pgx.Rows) error {
			data, row, err := scanVersion(rows, new(string))
			id := resource.ID(rows.RawValues()[3]) // a text is the same in either format
			stored[id] = storedMeta{bytes.Clone(data), row}
			return err
		})
	return stored, err
}

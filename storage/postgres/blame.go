package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/order"
)

// raisedException is what a trigger raises that somebody put on a table.
const raisedException = "P0001"

// refuses reports whether the server refuses what is in a row: a constraint or a trigger
// that somebody put on a table, a column that was made narrower, or a limit. What is
// known to be too much for a table is found before it is sent.
func refuses(err error) bool {
	state := sqlState(err)
	if state == "" || state == uniqueViolation {
		return false
	}
	return state == raisedException || slices.Contains([]string{classData, classIntegrity, classLimits}, state[:2])
}

// several reports whether a unit writes more than one resource for one job. The jobs of a
// unit are told apart by whoever gave them, and one resource by itself is its job.
func several(b storage.Batch) bool {
	if len(b.Jobs) > 1 || len(b.Refs) == 0 {
		return false
	}
	return slices.ContainsFunc(b.Refs, func(r storage.Ref) bool { return r != b.Refs[0] })
}

// errBlameless ends a search that found nothing.
var errBlameless = errors.New("each resource by itself is taken")

// blame returns a *storage.RecordError of the resources of a unit that the server refuses:
// it offers each by itself, in a transaction that is undone. nil when it finds none.
func (u unit) blame(ctx context.Context, names map[string]tables, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	err := u.f.write(ctx, doingUnit, func(t *tx) error {
		look := t.newView
		if u.f.medium != nil {
			look = t.newOuterView
		}
		v, err := look(names, b)
		if err != nil {
			return err
		}
		w, err := v.compute(b, compute)
		if err != nil {
			return err
		}
		var bad storage.RecordErrors
		for _, model := range slices.Sorted(maps.Keys(w.Models)) {
			if err := t.blameModel(v, model, order.ByID(w.Models[model]), &bad); err != nil {
				return err
			}
		}
		if err := bad.Err(); err != nil {
			return err
		}
		return errBlameless
	})
	if _, found := errors.AsType[*storage.RecordError](err); found {
		return err
	}
	return nil
}

// blameModel adds the resources of one model that the server refuses.
func (t *tx) blameModel(v *view, model string, w storage.ModelWrites, bad *storage.RecordErrors) error {
	names, err := v.tablesOf(model)
	if err != nil {
		return err
	}
	for one := range eachResource(w) {
		err := t.undone(func() error { return t.writeOne(v, names, one.ModelWrites) })
		if refuses(err) {
			err = bad.Add(refusedRecord(model, one.id, err))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// oneResource is what is written of one resource.
type oneResource struct {
	id resource.ID
	storage.ModelWrites
}

// eachResource parts writes by resource, in the order of the ids.
func eachResource(w storage.ModelWrites) func(yield func(oneResource) bool) {
	parts := map[resource.ID]*oneResource{}
	of := func(id resource.ID) *oneResource {
		if parts[id] == nil {
			parts[id] = &oneResource{id: id}
		}
		return parts[id]
	}
	for _, id := range w.Purge {
		of(id).Purge = []resource.ID{id}
	}
	for _, r := range w.Revisions {
		of(r.Info.ResourceID).Revisions = append(of(r.Info.ResourceID).Revisions, r)
	}
	for _, m := range w.Metas {
		of(m.ResourceID).Metas = append(of(m.ResourceID).Metas, m)
	}
	return func(yield func(oneResource) bool) {
		for _, id := range slices.Sorted(maps.Keys(parts)) {
			if !yield(*parts[id]) {
				return
			}
		}
	}
}

// undone runs do and takes back what it wrote. Constraints that are checked at the end of
// a transaction are checked now.
func (t *tx) undone(do func() error) error {
	if _, err := t.exec(`SAVEPOINT trial`); err != nil {
		return err
	}
	err := do()
	if err == nil {
		_, err = t.exec(`SET CONSTRAINTS ALL IMMEDIATE`)
	}
	if _, undoErr := t.exec(`ROLLBACK TO SAVEPOINT trial`); undoErr != nil {
		return errors.Join(err, undoErr)
	}
	return err
}

// writeOne writes what the database holds of one resource.
func (t *tx) writeOne(v *view, names tables, w storage.ModelWrites) error {
	rows, err := t.f.encodeMetaRows(names, w.Metas)
	if err != nil {
		return err
	}
	known := v.counts[names.model]
	if len(w.Purge) > 0 {
		known = nil
		if err := t.deleteMetas(names, w.Purge); err != nil {
			return err
		}
	}
	if err := t.upsertMetas(names, rows.rows); err != nil || t.f.medium != nil {
		return err
	}
	revisions, err := placedAll(names, w.Revisions)
	if err != nil {
		return err
	}
	return t.saveRevisions(names, numbers{
		count: func(id resource.ID) int { return known[id] },
		gave:  func(k resource.RevisionKey) bool { return v.gave(names.model, k) },
	}, revisions)
}

// refusedRecord says why the server refuses a resource, in its words and without the row,
// which the server may repeat in its details.
func refusedRecord(model string, id resource.ID, err error) error {
	bad := &storage.RecordError{Model: model, ID: id, Reason: "the database refuses it"}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		bad.Field = e.ColumnName
		bad.Reason = fmt.Sprintf("the database refuses it: %s (SQLSTATE %s)", strings.TrimSpace(e.Message), e.Code)
	}
	return bad
}

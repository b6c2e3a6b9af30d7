package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// measured is how many resources each operation is done to.
const measured = 4 * batch

// operationRow is what one operation costs.
type operationRow struct {
	Operation string `json:"operation"`
	// Each: one call, its own unit of work, committed to the medium. Bulk: in
	// SaveMany with units of 1,000; zero for reads. Nanoseconds per operation.
	Each float64 `json:"each_ns"`
	Bulk float64 `json:"bulk_ns,omitzero"`
	// Allocs and Bytes are of one call.
	Allocs float64 `json:"allocs"`
	Bytes  float64 `json:"bytes"`
}

// write is an operation that changes the i-th resource.
type write struct {
	name string
	op   func(i int, r resource.Meta) manager.Operation
}

// writes run in this order on the resources that create made.
var writes = []write{
	{"update", func(i int, r resource.Meta) manager.Operation {
		return manager.Operation{Op: manager.OpUpdate, Data: payload(i+measured, 0.5), Status: opt.Of(resource.Draft)}
	}},
	{"update, equal data", func(i int, r resource.Meta) manager.Operation {
		return manager.Operation{Op: manager.OpUpdate, Data: payload(i+measured, 0.5)}
	}},
	{"modify", func(i int, r resource.Meta) manager.Operation {
		return manager.Operation{Op: manager.OpModify, Data: payload(i, 0.25)}
	}},
	{"modify, status only", func(i int, r resource.Meta) manager.Operation {
		return manager.Operation{Op: manager.OpModify, Status: opt.Of(resource.Stable)}
	}},
	{"patch", func(i int, r resource.Meta) manager.Operation {
		return manager.Operation{Op: manager.OpPatch, Data: []byte(`[{"op":"replace","path":"/weight","value":0.75}]`)}
	}},
	{"switch", func(i int, r resource.Meta) manager.Operation {
		return manager.Operation{Op: manager.OpSwitch, RevisionID: r.ResourceID.Revision(1)}
	}},
	{"delete", func(int, resource.Meta) manager.Operation { return manager.Operation{Op: manager.OpDelete} }},
	{"restore", func(int, resource.Meta) manager.Operation { return manager.Operation{Op: manager.OpRestore} }},
}

// measureOperations measures each operation of the manager on a store of its own.
func measureOperations(ctx context.Context) (rows []operationRow, err error) {
	single, err := newStore(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, single.close()) }()
	bulk, err := newStore(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bulk.close()) }()
	ops := makeOperations(measured, 2)
	row, err := measureWrite(ctx, "create", single.manager, bulk.manager, ops)
	if err != nil {
		return nil, err
	}
	rows = append(rows, row)
	for _, w := range writes {
		for i := range ops {
			id := ops[i].ResourceID
			ops[i] = w.op(i, resource.Meta{ResourceID: id})
			ops[i].ResourceID, ops[i].User = id, "bench"
		}
		if row, err = measureWrite(ctx, w.name, single.manager, bulk.manager, ops); err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	reads, err := measureReads(ctx, bulk.manager, ops)
	return append(rows, reads...), err
}

func measureWrite(ctx context.Context, name string, single, bulk *manager.Manager, ops []manager.Operation) (operationRow, error) {
	row := operationRow{Operation: name}
	err := row.measure(measured, func(i int) error { return saved(single.SaveMany(ctx, ops[i:i+1])) })
	if err != nil {
		return row, fmt.Errorf("%s: %w", name, err)
	}
	runtime.GC()
	begin := time.Now()
	if err := saved(bulk.SaveMany(ctx, ops)); err != nil {
		return row, fmt.Errorf("%s in bulk: %w", name, err)
	}
	row.Bulk = float64(time.Since(begin)) / measured
	return row, nil
}

// saved turns a refusal into an error: a benchmark of refusals would be fast.
func saved(out []manager.Outcome, err error) error {
	if err != nil {
		return err
	}
	for _, o := range out {
		if o.Effect == manager.EffectRefused {
			return fmt.Errorf("%s was refused: %s", o.ResourceID, o.Message)
		}
	}
	return nil
}

// measure fills what n calls cost each.
func (r *operationRow) measure(n int, call func(i int) error) error {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := time.Now()
	for i := range n {
		if err := call(i); err != nil {
			return err
		}
	}
	took := time.Since(begin)
	runtime.ReadMemStats(&after)
	r.Each = float64(took) / float64(n)
	r.Allocs = float64(after.Mallocs-before.Mallocs) / float64(n)
	r.Bytes = float64(after.TotalAlloc-before.TotalAlloc) / float64(n)
	return nil
}

// pageSize is how many rows a search of the benchmark returns.
const pageSize = 50

func measureReads(ctx context.Context, m *manager.Manager, ops []manager.Operation) ([]operationRow, error) {
	recent := qb.Query{Limit: opt.Of(pageSize), Sort: []qb.Sort{qb.RevCreatedTime().Desc()}}
	reads := []struct {
		name string
		n    int
		call func(i int) error
	}{
		{"get", measured, func(i int) error {
			_, err := m.Get(ctx, ops[i].ResourceID, manager.GetOptions{})
			return err
		}},
		{"revisions", measured, func(i int) error {
			for _, err := range m.Revisions(ctx, ops[i].ResourceID) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{fmt.Sprintf("search, the last %d", pageSize), 200, func(int) error {
			for _, err := range m.Search(ctx, recent) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"count", 200, func(int) error {
			_, err := m.Count(ctx, qb.Query{})
			return err
		}},
	}
	var rows []operationRow
	for _, r := range reads {
		row := operationRow{Operation: r.name}
		if err := row.measure(r.n, r.call); err != nil {
			return rows, fmt.Errorf("%s: %w", r.name, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

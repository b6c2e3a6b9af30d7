package manager

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// DumpOptions refine a dump. The zero value dumps all models.
type DumpOptions struct {
	// Models names the models to dump; empty means all that have resources. A
	// named model that the store lacks is refused.
	Models []string
	// Query, when set, selects the resources; only with exactly one model. Its
	// order, limit and offset do not matter: what it selects is dumped by id.
	Query opt.Value[qb.Query]
	// Parallel is how many goroutines read and encode for [Catalog.DumpTo] where the
	// store lets them; 0 means one for each processor, eight at most. Each needs some
	// 10 MiB.
	Parallel int
	// Progress, when set, is told by [Catalog.DumpTo] how many resources are written and
	// how many there are, about. It is called by one goroutine at a time.
	Progress func(storage.Progress)
}

// ModelDump counts what was dumped of one model.
type ModelDump struct {
	Metas     int64 `json:"metas"`
	Revisions int64 `json:"revisions"`
	Blobs     int64 `json:"blobs"`
}

// DumpStats counts what was dumped.
type DumpStats struct {
	Models map[string]ModelDump `json:"models"`
	// Bytes is the length of the archive.
	Bytes int64 `json:"bytes"`
	// MissingBlobs counts references to blobs that are nowhere; Warnings name the
	// first [MaxProblems] of them.
	MissingBlobs int64     `json:"missing_blobs,omitempty"`
	Warnings     []Problem `json:"warnings,omitempty"`
}

// Dump returns the records of an archive of the store as it is when the first
// one is asked for; later writes do not show. Models come by name, their
// resources by id, each meta followed by its revisions by number, then the blobs
// of the model by id: equal content gives an equal archive. Resources that the
// view's user may not have are left out ([RowHandler]). Blobs are those
// remembered with the model and those that the dumped payloads refer to; with a
// query only the latter. A reference to a blob that is nowhere is left out; see
// [Catalog.DumpTo] to have it reported. Memory does not grow with the store,
// except by the ids of the blobs of one model.
func (c *Catalog) Dump(ctx context.Context, o DumpOptions) iter.Seq2[archive.Record, error] {
	return func(yield func(archive.Record, error) bool) {
		d := newDumper(c, o)
		d.yield = func(r archive.Record) error {
			if !yield(r, nil) {
				return errStopped
			}
			return nil
		}
		if err := d.run(ctx); err != nil && err != errStopped {
			yield(nil, fmt.Errorf("dump: %w", err))
		}
	}
}

// errStopped says that whoever takes the records wants no more.
var errStopped = errors.New("stopped")

// dumper carries one dump through the store.
type dumper struct {
	catalog *Catalog
	opts    DumpOptions
	stats   DumpStats
	yield   func(archive.Record) error

	line  *dumpLine // nil when the records are yielded one by one
	total int64     // resources that there are, set before the first record
	done  int64     // those that are written
}

func newDumper(c *Catalog, o DumpOptions) *dumper {
	return &dumper{catalog: c, opts: o, stats: DumpStats{Models: map[string]ModelDump{}}}
}

// run opens the store as it is now and dumps the models, when the handlers agree
// to each of them.
func (d *dumper) run(ctx context.Context) (err error) {
	if d.opts.Query.IsSet() && len(d.opts.Models) != 1 {
		return &RefusedError{Code: CodeInvalid, Message: "a query selects the resources of one model: name it"}
	}
	snap, err := d.snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if d.line != nil {
			d.line.settle()
		}
		if closeErr := snap.Close(); err == nil {
			err = closeErr
		}
	}()
	models, err := d.models(ctx)
	if err != nil {
		return err
	}
	var q *qb.Query
	if query, ok := d.opts.Query.Get(); ok {
		q = &query
	}
	return d.catalog.watchedModels(ctx, ActionDump, models, q, func() error { return d.sections(ctx, snap, models) })
}

// snapshot returns the store as it is now, for as many readers as there may be.
func (d *dumper) snapshot(ctx context.Context) (storage.Snapshot, error) {
	if d.line == nil {
		return d.catalog.factory.Snapshot(ctx)
	}
	snap, readers, err := storage.SnapshotFor(ctx, d.catalog.factory, d.line.readers)
	d.line.most = readers
	return snap, err
}

// sections dumps the models.
func (d *dumper) sections(ctx context.Context, snap storage.Snapshot, models []string) error {
	if err := d.count(ctx, snap, models); err != nil {
		return err
	}
	if err := d.yield(archive.Header{Version: archive.Version}); err != nil {
		return err
	}
	for _, model := range models {
		if err := d.model(ctx, snap, model); err != nil {
			return err
		}
	}
	return d.yield(archive.EOF{})
}

// count finds out how many resources there are to dump, when somebody wants to know how
// far the dump is. Those that a handler hides one by one are counted with the others.
func (d *dumper) count(ctx context.Context, snap storage.Snapshot, models []string) error {
	if d.opts.Progress == nil {
		return nil
	}
	var total int64
	for _, model := range models {
		visible, err := d.visible(ctx, model)
		if err != nil {
			return err
		}
		n, err := countAll(ctx, snap, model, both(d.opts.Query.Or(qb.Query{}).Where, visible.Where))
		if err != nil {
			return err
		}
		total += n
	}
	d.total = total
	return nil
}

// countAll counts the resources of a model that fulfil a condition, which may be nil.
func countAll(ctx context.Context, snap storage.Snapshot, model string, where qb.Cond) (int64, error) {
	metas, _, err := snap.Build(ctx, model)
	if errors.Is(err, storage.ErrNotFound) {
		return 0, nil // made after the snapshot
	}
	if err != nil {
		return 0, fmt.Errorf("model %s: %w", model, err)
	}
	n, err := metas.Count(ctx, qb.Query{Where: where})
	if err != nil {
		return 0, fmt.Errorf("count model %s: %w", model, err)
	}
	return n, nil
}

// models returns the models to dump, by name.
func (d *dumper) models(ctx context.Context) ([]string, error) {
	infos, err := d.catalog.Models(ctx)
	if err != nil {
		return nil, err
	}
	names := namesOf(infos)
	if len(d.opts.Models) == 0 {
		return names, nil
	}
	for _, model := range d.opts.Models {
		if !slices.Contains(names, model) {
			return nil, &RefusedError{Code: CodeModelUnknown, Model: model, Message: fmt.Sprintf("the store has no model %s", model)}
		}
	}
	return sortedUnion(d.opts.Models, nil), nil
}

// model dumps the section of one model. A model without resources has none
// unless it was asked for.
func (d *dumper) model(ctx context.Context, snap storage.Snapshot, model string) error {
	metas, revs, err := snap.Build(ctx, model)
	if errors.Is(err, storage.ErrNotFound) {
		return nil // made after the snapshot
	}
	if err != nil {
		return fmt.Errorf("model %s: %w", model, err)
	}
	visible, err := d.visible(ctx, model)
	if err != nil {
		return err
	}
	s := &sectionDumper{dumper: d, model: model, metas: metas, revisions: revs, visible: visible, blobs: make(map[string]resource.ID)}
	if len(d.opts.Models) > 0 {
		if err := s.start(); err != nil {
			return err
		}
	}
	if err := s.resources(ctx); err != nil {
		return sectionError(model, err)
	}
	if !s.started {
		return nil
	}
	if err := s.allBlobs(ctx); err != nil {
		return sectionError(model, err)
	}
	d.stats.Models[model] = s.stats
	return d.yield(archive.ModelEnd{Model: model})
}

// visible returns which resources of a model are dumped.
func (d *dumper) visible(ctx context.Context, model string) (Rows, error) {
	if !d.catalog.guarded() {
		return Rows{}, nil
	}
	e := d.catalog.event(ActionDump, model, "")
	if q, ok := d.opts.Query.Get(); ok {
		e.Query = &q
	}
	return d.catalog.rows(ctx, e)
}

// sectionError names the model, but leaves the sign to stop as it is.
func sectionError(model string, err error) error {
	if err == errStopped {
		return err
	}
	return fmt.Errorf("model %s: %w", model, err)
}

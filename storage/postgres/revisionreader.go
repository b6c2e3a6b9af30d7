package postgres

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/specstar-worker/worker/internal/caught"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// revisionSource is where the revisions of models are: tables or a medium.
type revisionSource interface {
	// infos and revisions return what is stored under keys; what is not is left out.
	infos(ctx context.Context, t tables, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.RevisionInfo, error)
	revisions(ctx context.Context, t tables, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.Revision, error)
	// entries returns the entries of resources in any order.
	entries(ctx context.Context, t tables, ids []resource.ID) ([]indexEntry, error)
	// contents returns what is stored under uids, by uid.
	contents(ctx context.Context, t tables, uids []string, payloads bool) (map[string]content, error)
}

// revisionReader reads the revisions of one model.
type revisionReader struct {
	f *Factory
	s revisionSource
	t tables
	// page, when not nil, is how many contents the last page of a dump should have had:
	// the first one of the next dump begins with it.
	page *atomic.Int64
}

var _ storage.RevisionReader = revisionReader{}

func (r revisionReader) doing() string { return "read revisions of model " + r.t.model + " in" }

// Info returns the info stored under key.
func (r revisionReader) Info(ctx context.Context, key resource.RevisionKey) (resource.RevisionInfo, error) {
	ctx, stop := r.f.reading(ctx)
	defer stop()
	found, err := r.s.infos(ctx, r.t, []resource.RevisionKey{key})
	if err != nil {
		return resource.RevisionInfo{}, r.f.explain(r.doing(), cause(ctx, err))
	}
	info, ok := found[key]
	if !ok {
		return info, noRevision(r.t, key)
	}
	return info, nil
}

// Get returns the revision stored under key.
func (r revisionReader) Get(ctx context.Context, key resource.RevisionKey) (resource.Revision, error) {
	ctx, stop := r.f.reading(ctx)
	defer stop()
	found, err := r.s.revisions(ctx, r.t, []resource.RevisionKey{key})
	if err != nil {
		return resource.Revision{}, r.f.explain(r.doing(), cause(ctx, err))
	}
	revision, ok := found[key]
	if !ok {
		return revision, noRevision(r.t, key)
	}
	return revision, nil
}

// GetMany returns the revisions of those keys under which one is stored; where they are
// in the database, by one statement.
func (r revisionReader) GetMany(ctx context.Context, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.Revision, error) {
	ctx, stop := r.f.reading(ctx)
	defer stop()
	found, err := r.s.revisions(ctx, r.t, keys)
	if err != nil {
		return nil, r.f.explain(r.doing(), cause(ctx, err))
	}
	return found, nil
}

// List returns the infos of a resource's revisions.
func (r revisionReader) List(ctx context.Context, id resource.ID) iter.Seq2[resource.RevisionInfo, error] {
	return func(yield func(resource.RevisionInfo, error) bool) {
		for e, err := range r.pages(ctx, slices.Values([]resource.ID{id}), false) {
			if !yield(e.Info, err) || err != nil {
				return
			}
		}
	}
}

// DumpAll returns the revisions of the given resources, in their order.
func (r revisionReader) DumpAll(ctx context.Context, ids iter.Seq[resource.ID]) iter.Seq2[resource.Revision, error] {
	return r.pages(ctx, ids, true)
}

// Bounds of what a dump holds in memory.
const (
	dumpResources = 500     // whose entries are read at once
	dumpBytes     = 8 << 20 // of payloads, about
	dumpFirst     = 16      // payloads of the first page, when their size is not known
	dumpMost      = 2000    // payloads of a page
)

// pages yields revisions page by page: the entries of some resources, in order, then
// their contents, as many at once as their sizes so far allow. While one page is
// yielded the next one is read.
func (r revisionReader) pages(ctx context.Context, ids iter.Seq[resource.ID], payloads bool) iter.Seq2[resource.Revision, error] {
	return func(yield func(resource.Revision, error) bool) {
		ctx, stop := r.f.reading(ctx)
		var reading sync.WaitGroup
		defer reading.Wait()
		defer stop()
		d := &dumper{revisionReader: r, payloads: payloads, yield: yield, size: r.firstPage()}
		var before chan dumpedPage // of the batch that is being read
		batch := make([]resource.ID, 0, dumpResources)
		next := func() (more bool) {
			pages := make(chan dumpedPage)
			ids := batch
			batch = make([]resource.ID, 0, dumpResources)
			reading.Go(func() { d.read(ctx, ids, pages) })
			last := before
			before = pages
			return d.dump(ctx, last)
		}
		for id := range ids {
			if batch = append(batch, id); len(batch) == dumpResources && !next() {
				return
			}
		}
		if len(batch) == 0 || next() {
			d.dump(ctx, before)
		}
	}
}

// firstPage is how many contents the first page of a dump has.
func (r revisionReader) firstPage() int {
	if r.page != nil {
		if n := r.page.Load(); n > 0 {
			return int(n)
		}
	}
	return dumpFirst
}

// dumper carries one dump.
type dumper struct {
	revisionReader
	payloads bool
	yield    func(resource.Revision, error) bool
	// mu has one query at a time run, so that no more than one connection is needed.
	mu   sync.Mutex
	size int // contents of the next page
}

// dumpedPage is a page of entries with what they lead to, by uid.
type dumpedPage struct {
	entries  []indexEntry
	contents map[string]content
	err      error
}

// read reads the revisions of a batch into pages, which it closes. A page with an
// error is the last one.
func (d *dumper) read(ctx context.Context, ids []resource.ID, pages chan<- dumpedPage) {
	defer close(pages)
	send := func(p dumpedPage) bool {
		select {
		case pages <- p:
			return p.err == nil
		case <-ctx.Done():
			return false
		}
	}
	err := caught.Call(func() error { return d.readTo(ctx, ids, send) })
	if err != nil {
		send(dumpedPage{err: err})
	}
}

// readTo is read with a function that takes pages as long as it returns true.
func (d *dumper) readTo(ctx context.Context, ids []resource.ID, send func(dumpedPage) bool) error {
	entries, err := d.entries(ctx, ids)
	if err != nil {
		return err
	}
	for len(entries) > 0 {
		p := d.contents(ctx, entries)
		if !send(p) {
			return nil
		}
		entries = entries[len(p.entries):]
	}
	return nil
}

// dump yields the revisions of a batch, none when pages is nil, and reports whether
// to go on.
func (d *dumper) dump(ctx context.Context, pages <-chan dumpedPage) bool {
	if pages == nil {
		return true
	}
	for p := range pages {
		more, err := true, p.err
		if err == nil {
			more, err = d.show(ctx, p)
		}
		if !more {
			return false
		}
		if err != nil {
			return d.fail(ctx, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return d.fail(ctx, err) // reading may have ended early
	}
	return true
}

// fail yields an error, which ends the dump.
func (d *dumper) fail(ctx context.Context, err error) bool {
	d.yield(resource.Revision{}, d.f.explain(d.doing(), cause(ctx, err)))
	return false
}

// entries returns the entries of resources, in the order of ids, those of each by
// number.
func (d *dumper) entries(ctx context.Context, ids []resource.ID) ([]indexEntry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found, err := d.s.entries(ctx, d.t, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[resource.ID][]indexEntry, len(ids))
	for _, e := range found {
		byID[e.key.Resource] = append(byID[e.key.Resource], e)
	}
	all := found[:0:0]
	for _, id := range ids {
		entries := byID[id]
		slices.SortFunc(entries, func(a, b indexEntry) int { return compareKeys(a.key, b.key) })
		all = append(all, entries...)
	}
	return all, nil
}

// content is what is stored under a uid.
type content struct {
	uid        string
	info, data []byte
}

// show yields a page. A dump must not leave out silently what the index says is
// there, nor show one revision as another.
func (d *dumper) show(ctx context.Context, p dumpedPage) (more bool, err error) {
	for _, e := range p.entries {
		if err := ctx.Err(); err != nil {
			return true, err
		}
		c, ok := p.contents[e.uid]
		if !ok {
			return true, fmt.Errorf("the content of revision %s is missing", e.key.Revision)
		}
		info, err := decodeInfo(c.info)
		switch {
		case err != nil:
			return true, fmt.Errorf("revision %s: %w", e.key.Revision, err)
		case info.RevisionID != e.key.Revision:
			return true, fmt.Errorf("revision %s is stored with the info of %s", e.key.Revision, info.RevisionID)
		}
		if !d.yield(resource.Revision{Info: info, Data: c.data}, nil) {
			return false, nil
		}
	}
	return true, nil
}

// contents reads a page of what entries lead to and adapts the size of the next one.
func (d *dumper) contents(ctx context.Context, entries []indexEntry) (p dumpedPage) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p.entries = entries[:min(d.size, len(entries))]
	uids := make([]string, len(p.entries))
	for i, e := range p.entries {
		uids[i] = e.uid
	}
	p.contents, p.err = d.s.contents(ctx, d.t, uids, d.payloads)
	size := 0
	for _, c := range p.contents {
		size += len(c.data) + len(c.info)
	}
	if size > 0 {
		d.size = max(1, min(dumpMost, dumpBytes*len(uids)/size))
		if d.page != nil {
			d.page.Store(int64(d.size))
		}
	}
	return p
}

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
)

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
			pages, turn := make(chan dumpedPage), d.turn()
			ids := batch
			batch = make([]resource.ID, 0, dumpResources)
			reading.Go(func() { d.read(ctx, ids, pages, turn) })
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

// dumpSizes is what dumps of a model have learned: 0 is what is not known.
type dumpSizes struct {
	// page is how many contents the last page should have had: the first one of the next
	// dump begins with it.
	page atomic.Int64
	// joined is of how many resources all revisions may be read at once.
	joined atomic.Int64
	// whole: all metas are read, so that all revisions will be asked for.
	whole atomic.Bool
}

// firstPage is how many contents the first page of a dump has.
func (r revisionReader) firstPage() int {
	if r.sizes != nil {
		if n := r.sizes.page.Load(); n > 0 {
			return int(n)
		}
	}
	return dumpFirst
}

// dumper carries one dump. One batch is read after another, so that no more than one
// connection is needed.
type dumper struct {
	revisionReader
	payloads bool
	yield    func(resource.Revision, error) bool
	size     int           // contents of the next page; whose turn it is may use it
	bytes    int           // of the contents of the resources that are being read
	last     chan struct{} // closed when the batch that was begun last is read
}

// dumpedPage is some revisions in the order of a dump, and what ended it behind them.
type dumpedPage struct {
	revisions []resource.Revision
	err       error
}

// turn is when a batch may be read, and what is called when it is.
type turn struct {
	begin <-chan struct{} // nil: at once
	end   func()
}

// turn returns that of the next batch.
func (d *dumper) turn() turn {
	before, done := d.last, make(chan struct{})
	d.last = done
	return turn{before, func() { close(done) }}
}

// read reads the revisions of a batch into pages, which it closes. A page with an
// error is the last one.
func (d *dumper) read(ctx context.Context, ids []resource.ID, pages chan<- dumpedPage, t turn) {
	defer t.end()
	defer close(pages)
	if t.begin != nil {
		<-t.begin // the batch before ends when it is read or ctx ends
	}
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
	if s, ok := d.s.(joinedSource); ok && d.joins(ids) {
		return d.readJoined(ctx, s, ids, send)
	}
	_, err := d.readPages(ctx, ids, send)
	return err
}

// readPages reads the entries of resources, then what they lead to, and reports whether
// more is wanted.
func (d *dumper) readPages(ctx context.Context, ids []resource.ID, send func(dumpedPage) bool) (more bool, err error) {
	d.bytes = 0
	entries, err := d.entries(ctx, ids)
	if err != nil {
		return false, err
	}
	for len(entries) > 0 {
		n := min(d.size, len(entries))
		if !send(d.contents(ctx, entries[:n])) {
			return false, nil
		}
		entries = entries[n:]
	}
	return true, nil
}

// dump yields the revisions of a batch, none when pages is nil, and reports whether
// to go on.
func (d *dumper) dump(ctx context.Context, pages <-chan dumpedPage) bool {
	if pages == nil {
		return true
	}
	for p := range pages {
		for _, rev := range p.revisions {
			if err := ctx.Err(); err != nil {
				return d.fail(ctx, err)
			}
			if !d.yield(rev, nil) {
				return false
			}
		}
		if p.err != nil {
			return d.fail(ctx, p.err)
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

// contents reads a page of what entries lead to and adapts the size of the next one.
func (d *dumper) contents(ctx context.Context, entries []indexEntry) (p dumpedPage) {
	uids := make([]string, len(entries))
	for i, e := range entries {
		uids[i] = e.uid
	}
	found, err := d.s.contents(ctx, d.t, uids, d.payloads)
	if err != nil {
		return dumpedPage{err: err}
	}
	size := 0
	for _, c := range found {
		size += len(c.data) + len(c.info)
	}
	if d.bytes += size; size > 0 {
		d.size = max(1, min(dumpMost, dumpBytes*len(uids)/size))
		if d.sizes != nil {
			d.sizes.page.Store(int64(d.size))
		}
	}
	p.revisions = make([]resource.Revision, 0, len(entries))
	for _, e := range entries {
		c, ok := found[e.uid]
		if !ok {
			p.err = missingContent(e.key)
			return p
		}
		rev, err := dumped(e.key, c.info, c.data)
		if err != nil {
			p.err = err
			return p
		}
		p.revisions = append(p.revisions, rev)
	}
	return p
}

// missingContent: a dump must not leave out silently what the index says is there.
func missingContent(k resource.RevisionKey) error {
	return fmt.Errorf("the content of revision %s is missing", k.Revision)
}

// dumped is the revision of a key, unless it is stored with the info of another.
func dumped(k resource.RevisionKey, info, data []byte) (resource.Revision, error) {
	i, err := decodeInfo(info)
	switch {
	case err != nil:
		return resource.Revision{}, fmt.Errorf("revision %s: %w", k.Revision, err)
	case i.RevisionID != k.Revision:
		return resource.Revision{}, fmt.Errorf("revision %s is stored with the info of %s", k.Revision, i.RevisionID)
	}
	return resource.Revision{Info: i, Data: data}, nil
}

package postgres

import (
	"maps"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/order"
)

// prepared is what a unit of work writes, as the server takes it. Metas come first;
// the rest is encoded while they are being written.
type prepared struct {
	view   *view
	batch  storage.Batch
	writes storage.Writes
	models []*preparedModel // by name
	marks  raisedMarks
	// jobs are the rows of writes.Jobs for COPY, of jobColumns; nil when a statement
	// writes them.
	jobs       *later
	jobColumns string
	rest       encoder
	sent       bool // all of it: nobody reads the buffers any more
}

// preparedModel is what is written to one model.
type preparedModel struct {
	names   tables
	writes  storage.ModelWrites
	metas   metaRows
	numbers numbers
	// revisions are those of writes; data and index are their rows of COPY when
	// nothing is there that they could meet, else nil.
	revisions   []placed
	data, index *later
}

// prepare encodes what compute wants to write. The caller closes it.
func (f *Factory) prepare(v *view, b storage.Batch, w storage.Writes) (*prepared, error) {
	p := &prepared{view: v, batch: b, writes: w}
	for _, name := range slices.Sorted(maps.Keys(w.Models)) {
		m, err := p.model(f, name)
		if err != nil {
			return nil, err
		}
		p.models = append(p.models, m)
	}
	p.marks.split(v.marks, w.Marks)
	if len(p.marks.fresh) > 0 {
		p.marks.rows = p.rest.add(func() *copyRows { return f.copyOfMarks(p.marks.fresh) })
	}
	if b.NewJobs && !v.exact && len(w.Jobs) > 0 && copiedJobs(w.Jobs) {
		rows := newJobCopy(f.identity.number, w.Jobs)
		p.jobColumns, p.jobs = rows.names(), p.rest.add(func() *copyRows { return rows.encode(&f.buffers.jobs) })
	}
	p.rest.start()
	return p, nil
}

// model prepares the writes to one model.
func (p *prepared) model(f *Factory, name string) (_ *preparedModel, err error) {
	m := &preparedModel{writes: order.ByID(p.writes.Models[name])}
	if m.names, err = p.view.tablesOf(name); err != nil {
		return nil, err
	}
	if m.metas, err = f.encodeMetaRows(m.names, m.writes.Metas); err != nil {
		return nil, err
	}
	known := p.view.counts[name]
	if len(m.writes.Purge) > 0 {
		known = maps.Clone(known)
		for _, id := range m.writes.Purge {
			delete(known, id)
		}
	}
	m.metas.split(known)
	m.numbers = numbers{
		count: func(id resource.ID) int { return known[id] },
		gave:  func(k resource.RevisionKey) bool { return p.view.gave(name, k) },
	}
	if m.revisions, err = placedAll(m.names, m.writes.Revisions); err != nil {
		return nil, err
	}
	if !p.view.exact && len(m.revisions) > 0 && m.numbers.allNew(m.revisions) {
		m.data = p.rest.add(func() *copyRows { return f.copyOfData(m.revisions) })
		m.index = p.rest.add(func() *copyRows { return f.copyOfEntries(m.revisions) })
	}
	return m, nil
}

// ledgerApart reports whether statements of their own write what belongs to the ledger.
func (p *prepared) ledgerApart() bool {
	return p.batch.Chunk != nil || p.jobs == nil && len(p.writes.Jobs) > 0
}

// close waits for what is still being encoded and keeps the memory of what was sent.
func (p *prepared) close(b *buffers) {
	p.rest.wait()
	if !p.sent {
		return
	}
	if p.marks.rows != nil {
		b.marks.keep(p.marks.rows.rows.b)
	}
	if p.jobs != nil {
		b.jobs.keep(p.jobs.rows.b)
	}
	for _, m := range p.models {
		b.metas.keep(m.metas.buffer)
		if m.data != nil {
			b.contents.keep(m.data.rows.b)
			b.entries.keep(m.index.rows.b)
		}
	}
}

// encoder fills buffers one after another, in a goroutine of its own.
type encoder struct {
	parts []func()
	done  chan struct{}
}

// later is a buffer that an encoder fills.
type later struct {
	filled   chan struct{}
	rows     *copyRows
	panicked any
}

// add has fill called behind those that were added before.
func (e *encoder) add(fill func() *copyRows) *later {
	l := &later{filled: make(chan struct{})}
	e.parts = append(e.parts, func() {
		defer close(l.filled)
		defer func() { l.panicked = recover() }()
		l.rows = fill()
	})
	return l
}

// start begins to fill the buffers.
func (e *encoder) start() {
	e.done = make(chan struct{})
	go func() {
		defer close(e.done)
		for _, fill := range e.parts {
			fill()
		}
	}()
}

func (e *encoder) wait() { <-e.done }

// get waits for the buffer. A panic of fill is the caller's, who may survive it.
func (l *later) get() *copyRows {
	<-l.filled
	if l.panicked != nil {
		panic(l.panicked)
	}
	return l.rows
}

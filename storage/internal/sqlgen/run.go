package sqlgen

import (
	"errors"
	"iter"
	"slices"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// Run makes the answer to the query of a plan out of the rows of its statement, which read
// runs. It holds no more of them than what has to be sorted and what is on a page that it
// fills itself. An error of read is yielded once, last.
func (p Plan) Run(q qb.Query, read func(query string, args []any) iter.Seq2[resource.Meta, error]) iter.Seq2[resource.Meta, error] {
	switch {
	case p.Paged:
		return read(p.SQL, p.Args)
	case p.Rows == 0:
		return p.answer(read(p.SQL, p.Args), q)
	}
	return func(yield func(resource.Meta, error) bool) {
		for p := p; ; p = p.bounded(p.more()) {
			page, err := gather(p.answer(p.first(read(p.SQL, p.Args)), q))
			if errors.Is(err, errMore) {
				continue
			}
			for _, m := range page {
				if !yield(m, nil) {
					return
				}
			}
			if err != nil {
				yield(resource.Meta{}, err)
			}
			return
		}
	}
}

// errMore is the end of rows where there may be more.
var errMore = errors.New("too few rows")

// first ends with errMore when the statement gave as many rows as it may.
func (p Plan) first(rows iter.Seq2[resource.Meta, error]) iter.Seq2[resource.Meta, error] {
	if p.Rows == 0 {
		return rows
	}
	return func(yield func(resource.Meta, error) bool) {
		n := 0
		for m, err := range rows {
			if n++; !yield(m, err) || err != nil {
				return
			}
		}
		if n >= p.Rows {
			yield(resource.Meta{}, errMore)
		}
	}
}

// more is how many rows are read when so many were not enough.
func (p Plan) more() int {
	if p.Rows > maxRows {
		return 0
	}
	return p.Rows * moreRows
}

// gather returns a page.
func gather(rows iter.Seq2[resource.Meta, error]) (page []resource.Meta, err error) {
	for m, err := range rows {
		if err != nil {
			return page, err
		}
		page = append(page, m)
	}
	return page, nil
}

// answer makes the answer of rows, as far as these go.
func (p Plan) answer(rows iter.Seq2[resource.Meta, error], q qb.Query) iter.Seq2[resource.Meta, error] {
	if p.Order == OrderMemory {
		return qb.Select(rows, q)
	}
	if !p.Exact {
		rows = matching(rows, q)
	}
	if p.Order == OrderRuns {
		rows = p.sorted(rows, q)
	}
	return qb.Window(rows, q)
}

// matching leaves out what the condition does not select, and what is not behind the
// position.
func matching(rows iter.Seq2[resource.Meta, error], q qb.Query) iter.Seq2[resource.Meta, error] {
	after, behind := q.After.Get()
	return func(yield func(resource.Meta, error) bool) {
		for m, err := range rows {
			if err == nil && (behind && !after.Passes(m) || !qb.Match(m, q.Where)) {
				continue
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

// sorted sorts neighbours that the statement does not tell apart. Of these it holds twice as
// many as the page ends behind, and no more.
func (p Plan) sorted(rows iter.Seq2[resource.Meta, error], q qb.Query) iter.Seq2[resource.Meta, error] {
	order := func(a, b resource.Meta) int { return qb.Compare(a, b, q.Sort) }
	limit, limited := q.Limit.Get()
	end := q.Offset + limit
	limited = limited && end > 0 // the sum may overflow
	return func(yield func(resource.Meta, error) bool) {
		var run []resource.Meta
		var last resource.Meta
		flush := func() bool {
			slices.SortFunc(run, order)
			for _, m := range run {
				if !yield(m, nil) {
					return false
				}
			}
			clear(run)
			run = run[:0]
			return true
		}
		for m, err := range rows {
			if err != nil {
				if errors.Is(err, errMore) || flush() { // the run may go on
					yield(resource.Meta{}, err)
				}
				return
			}
			if len(run) > 0 && !together(p.keys, &last, &m) && !flush() {
				return
			}
			last = m
			if run = append(run, m); limited && len(run)/2 >= end {
				slices.SortFunc(run, order)
				clear(run[end:])
				run = run[:end]
			}
		}
		flush()
	}
}

// Counted is a row of [CountPlan.Decide].
type Counted struct {
	N    int64
	Meta resource.Meta
	Some bool // there is a meta
}

// Total adds the rows of [CountPlan.Decide] up.
func Total(rows iter.Seq2[Counted, error], q qb.Query) (n int64, err error) {
	for r, err := range rows {
		if err != nil {
			return 0, err
		}
		n += r.N
		if r.Some && qb.Match(r.Meta, q.Where) {
			n++
		}
	}
	return n, nil
}

package manager

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// Page is one page of a listing.
type Page[T any] struct {
	Items []T
	// Next is the cursor of the page behind this one, to be given to [Reader.From];
	// empty when nothing is behind it.
	Next string
}

// From returns q for what comes behind a cursor, [Page.Next] of a page of the same
// order; an empty one is the beginning. The condition may be another one. A cursor
// that does not fit gives a *[qb.CursorError].
func (r *Reader) From(q qb.Query, cursor string) (qb.Query, error) {
	if cursor == "" {
		return q, nil
	}
	p, err := r.cursors().Decode(cursor, q.Sort)
	if err != nil {
		return q, err
	}
	return q.From(p), nil
}

// Cursor returns the cursor for what comes behind a meta in an order, which is what
// [Page.Next] is of the last meta of a page. The error is a *[qb.CursorError].
func (r *Reader) Cursor(behind resource.Meta, sorts []qb.Sort) (string, error) {
	return r.cursors().Encode(qb.PositionOf(behind, sorts))
}

func (r *Reader) cursors() qb.Cursors {
	return qb.Cursors{Store: r.catalog.factory.ID(), Model: r.name}
}

// Page returns a page of what [Reader.Search] yields: q.Limit metas at most, all when
// it is unset. Pages that follow one another by their cursors show what stays as it
// is exactly once, whatever is written meanwhile; by offsets they do not.
func (r *Reader) Page(ctx context.Context, q qb.Query) (Page[resource.Meta], error) {
	return r.page(ctx, q)
}

// page reads one meta more than is asked for, which tells whether there is another page.
func (r *Reader) page(ctx context.Context, q qb.Query, also ...Action) (Page[resource.Meta], error) {
	var p Page[resource.Meta]
	limit, limited := q.Limit.Get()
	more := q
	if limited && 0 < limit && limit < math.MaxInt {
		more.Limit = opt.Of(limit + 1)
	}
	for m, err := range r.searchMore(ctx, q, more, also...) {
		if err != nil {
			return Page[resource.Meta]{}, fmt.Errorf("list model %s: %w", r.name, err)
		}
		if limited && len(p.Items) == limit {
			var err error
			if p.Next, err = r.Cursor(p.Items[limit-1], q.Sort); err != nil {
				return Page[resource.Meta]{}, fmt.Errorf("list model %s: %w", r.name, err)
			}
			break
		}
		p.Items = append(p.Items, m)
	}
	return p, nil
}

// Listed is a resource of a listing, as of its current revision.
type Listed struct {
	Resource
	// Err says why Info and Data are not there, while Meta is: the revision is
	// missing or damaged.
	Err error
}

// List returns a page of the resources that q selects and that the user may see and
// get, with their payloads. In SQLite and PostgreSQL that takes two statements
// whatever the number of resources. What cannot be read fails alone.
func (r *Reader) List(ctx context.Context, q qb.Query) (Page[Listed], error) {
	metas, err := r.page(ctx, q, ActionGet)
	if err != nil {
		return Page[Listed]{}, err
	}
	items, err := r.payloads(ctx, metas.Items)
	if err != nil {
		return Page[Listed]{}, fmt.Errorf("list model %s: %w", r.name, err)
	}
	return Page[Listed]{Items: items, Next: metas.Next}, nil
}

// Sizes of what a listing holds in memory when it is yielded one by one.
const (
	listedFirst = 100     // resources that are read first
	listedMost  = 500     // resources that are read at once
	listedBytes = 8 << 20 // of payloads, about
)

// Resources yields the resources that q selects as [Reader.List] does, reading some
// hundred at once. An error is yielded once, last; what cannot be read fails alone.
func (r *Reader) Resources(ctx context.Context, q qb.Query) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		size := listedFirst
		var metas []resource.Meta
		flush := func() (more bool) {
			items, err := r.payloads(ctx, metas)
			if err != nil {
				yield(Listed{}, fmt.Errorf("list model %s: %w", r.name, err))
				return false
			}
			bytes := 1
			for _, item := range items {
				bytes += len(item.Data)
			}
			size = max(1, min(listedMost, listedBytes*len(metas)/bytes))
			metas = metas[:0]
			for _, item := range items {
				if !yield(item, nil) {
					return false
				}
			}
			return true
		}
		for m, err := range r.search(ctx, q, ActionGet) {
			if err != nil {
				yield(Listed{}, fmt.Errorf("list model %s: %w", r.name, err))
				return
			}
			if metas = append(metas, m); len(metas) >= size && !flush() {
				return
			}
		}
		if len(metas) > 0 {
			flush()
		}
	}
}

package manager

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// filler is a kind of backfill: which rows it looks at, and what becomes of them.
type filler interface {
	// read returns the first rows of a range, at most limit.
	read(ctx context.Context, in storage.Range, limit int) ([]storage.Unfilled, error)
	// fill says what becomes of rows.
	fill(ctx context.Context, page []storage.Unfilled) ([]filling, error)
}

// filling is a row with what becomes of it.
type filling struct {
	storage.Row
	becomes becoming
	new     resource.Meta // when it becomes new
	revOnly bool          // it is the row's with another Rev
}

type becoming int

const (
	becomesMissing   becoming = iota // its current revision is nowhere
	becomesUnchanged                 // it is right, or cannot be
	becomesNew
)

// backfill is a backfill of a range of one model.
type backfill struct {
	filler
	metas   storage.MetaStore
	opts    BackfillOptions
	limit   int // rows of a page
	writers int
	writing chan struct{} // holds an element for each page that is being written
}

func (m *Manager) newBackfill(f filler, o BackfillOptions) *backfill {
	if o.Pace == nil {
		o.Pace = NewPace(0)
	}
	writers := max(1, m.catalog.factory.Traits().Writers)
	return &backfill{
		filler: f, metas: m.stores.Metas, opts: o, limit: o.Pace.page(m.catalog.opts.BatchSize),
		writers: writers, writing: make(chan struct{}, writers),
	}
}

// fillPage are rows that were read together: all that are to be filled in a range.
type fillPage struct {
	in   storage.Range
	rows []storage.Unfilled
}

// filledPage is a page that was filled, up to last.
type filledPage struct {
	last  resource.ID
	stats BackfillStats
}

// pages reads the rows of the range page by page.
func (b *backfill) pages(ctx context.Context) iter.Seq2[fillPage, error] {
	return func(yield func(fillPage, error) bool) {
		for in := b.opts.Range; !in.Empty(); {
			rows, err := b.read(ctx, in, b.limit)
			if err == nil && len(rows) > 0 {
				err = b.opts.Pace.wait(ctx, len(rows))
			}
			if err != nil {
				yield(fillPage{}, fmt.Errorf("read behind %q: %w", in.After, err))
				return
			}
			if len(rows) == 0 {
				return
			}
			last := rows[len(rows)-1].Meta.ResourceID
			if !yield(fillPage{in: storage.Range{After: in.After, Until: last}, rows: rows}, nil) {
				return
			}
			in = in.Behind(last)
		}
	}
}

// fillPage fills the rows of a page, reading those that changed meanwhile once more.
// Whatever is still not filled then belongs to its writer.
func (b *backfill) fillPage(ctx context.Context, page fillPage) (filledPage, error) {
	done := filledPage{last: page.in.Until}
	stats, lost, err := b.write(ctx, page.rows)
	if err == nil && len(lost) > 0 {
		var again BackfillStats
		again, err = b.again(ctx, page, lost)
		stats = stats.Add(again)
	}
	if err != nil {
		return done, fmt.Errorf("fill up to %q: %w", done.last, err)
	}
	done.stats = stats
	return done, nil
}

// write fills rows and returns the ids of those that changed since they were read.
func (b *backfill) write(ctx context.Context, rows []storage.Unfilled) (stats BackfillStats, lost []resource.ID, err error) {
	list, err := b.fill(ctx, rows)
	if err != nil {
		return stats, nil, err
	}
	swaps := make([]storage.Swap, 0, len(list))
	for _, f := range list {
		switch f.becomes {
		case becomesMissing:
			stats = stats.Add(BackfillStats{Missing: 1, MissingIDs: []resource.ID{f.Meta.ResourceID}})
		case becomesUnchanged:
			stats.Unchanged++
		case becomesNew:
			swaps = append(swaps, storage.Swap{Old: f.Stored, New: f.new, RevOnly: f.revOnly})
		}
	}
	if b.opts.DryRun || len(swaps) == 0 {
		stats.Updated = int64(len(swaps))
		return stats, nil, nil
	}
	done, err := b.swap(ctx, swaps)
	for i, ok := range done {
		if ok {
			stats.Updated++
		} else {
			lost = append(lost, swaps[i].New.ResourceID)
		}
	}
	return stats, lost, err
}

// swap writes rows when it is their turn.
func (b *backfill) swap(ctx context.Context, swaps []storage.Swap) ([]bool, error) {
	select {
	case b.writing <- struct{}{}:
		defer func() { <-b.writing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	begin := time.Now()
	done, err := b.metas.CompareAndSwap(ctx, swaps)
	b.opts.Pace.took(len(swaps), time.Since(begin))
	return done, err
}

// again fills the rows of a page that were lost, by ascending ids, as they are by now.
func (b *backfill) again(ctx context.Context, page fillPage, lost []resource.ID) (BackfillStats, error) {
	rows, err := b.read(ctx, page.around(lost), len(page.rows))
	if err != nil {
		return BackfillStats{}, err
	}
	rows = slices.DeleteFunc(rows, func(u storage.Unfilled) bool {
		_, is := slices.BinarySearch(lost, u.Meta.ResourceID)
		return !is
	})
	stats, _, err := b.write(ctx, rows)
	stats.Unchanged = int64(len(lost)) - stats.Updated - stats.Missing
	return stats, err
}

// around returns the part of the page's range from the first to the last of some of its
// ids, which ascend.
func (p fillPage) around(ids []resource.ID) storage.Range {
	in := storage.Range{After: p.in.After, Until: ids[len(ids)-1]}
	for _, u := range p.rows {
		if u.Meta.ResourceID >= ids[0] {
			break
		}
		in.After = u.Meta.ResourceID
	}
	return in
}

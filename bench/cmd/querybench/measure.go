package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/specstar-worker/worker/bench/internal/command"
	"github.com/specstar-worker/worker/bench/internal/pgserver"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// searchRow is the outcome of one search: milliseconds of a call, medians of the
// rounds', each of which is the mean of its calls.
type searchRow struct {
	Search string    `json:"search"`
	Rows   int       `json:"rows"` // that the last call returned or counted
	Ours   float64   `json:"ours_ms"`
	Hand   float64   `json:"hand_ms"`
	Ratio  float64   `json:"ratio"` // ours to hand, median of the rounds'
	Ratios []float64 `json:"ratios"`
	Most   float64   `json:"most,omitzero"`
}

// measureSearches fills a store and measures every search in rounds.
func measureSearches(ctx context.Context, s *pgserver.Server, o options, r *report) (err error) {
	t, err := openStore(ctx, s, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := t.prepare(ctx, o); err != nil {
		return err
	}
	r.Metas, r.Seconds = o.metas, t.seconds
	searches := t.searches()
	times := make([]times, len(searches))
	for _, indexed := range []bool{false, true} {
		if indexed {
			if err := t.index(ctx); err != nil {
				return err
			}
		}
		for round := range o.rounds {
			fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, o.rounds)
			for i := range searches {
				if searches[i].indexed != indexed {
					continue
				}
				if err := times[i].take(ctx, t, searches[i], o, round); err != nil {
					return fmt.Errorf("%s: %w", searches[i].name, err)
				}
			}
		}
	}
	for i, s := range searches {
		r.Searches = append(r.Searches, times[i].row(s))
	}
	return nil
}

// index makes the declared indexes, as worker run does when it starts.
func (t *store) index(ctx context.Context) error {
	return t.step("index", func() error {
		status, err := t.MakeIndexes(ctx, model, declared, false)
		for _, x := range status {
			if err == nil && x.State != storage.IndexThere {
				err = fmt.Errorf("index on %s: %s", x.On, x.Problem)
			}
		}
		if err != nil {
			return err
		}
		return t.exec(ctx, `ANALYZE item_meta`)
	})
}

// prepare makes the metas and their copy for statements by hand.
func (t *store) prepare(ctx context.Context, o options) error {
	fmt.Fprintf(os.Stderr, "writing %d metas\n", o.metas)
	if err := t.step("write", func() error { return t.fill(ctx, o) }); err != nil {
		return err
	}
	if err := t.step("vacuum", func() error { return t.exec(ctx, `VACUUM ANALYZE item_meta`) }); err != nil {
		return err
	}
	if err := t.step("copy", func() error { return t.exec(ctx, handTable...) }); err != nil {
		return err
	}
	if err := t.findDeep(ctx, o); err != nil {
		return err
	}
	return t.exec(ctx, `CHECKPOINT`)
}

// deepest is how many metas come before a page that is deep in a listing.
const deepest = 100_000

// findDeep finds the position of such a page.
func (t *store) findDeep(ctx context.Context, o options) error {
	t.cases, t.depth = o.cases, min(deepest, o.metas/4)
	q := newest(qb.RevStatus().Eq(resource.Stable)).Page(1, t.depth-1)
	for m, err := range t.metas.Search(ctx, q) {
		if err != nil {
			return err
		}
		t.deep = qb.PositionOf(m, q.Sort)
	}
	return nil
}

// times are what a search took in each round, in milliseconds.
type times struct {
	ours, hand []float64
	rows       int
}

// take measures both sides of a search, which change who begins.
func (x *times) take(ctx context.Context, t *store, s search, o options, round int) error {
	for side := range 2 {
		ours := (side+round)%2 == 0
		ask, to := t.ask, &x.ours
		if !ours {
			ask, to = t.askByHand, &x.hand
		}
		if s.beside != nil && !ours {
			first := s
			first.query = s.beside
			ask = func(ctx context.Context, _ search, i int) (int, error) { return t.ask(ctx, first, i) }
		}
		ms, rows, err := repeated(o.budget, func(i int) (int, error) { return ask(ctx, s, i) })
		if err != nil {
			return err
		}
		if *to = append(*to, ms); side == 1 && rows != x.rows {
			return fmt.Errorf("one side has %d rows, the other %d", rows, x.rows)
		}
		x.rows = rows
	}
	return nil
}

// warm is how many calls are not measured: they fill caches of statements.
const warm = 2

// repeated calls fn, for so long, and returns the mean time of a call, in milliseconds,
// and what the first call returned.
func repeated(budget time.Duration, fn func(i int) (int, error)) (ms float64, rows int, err error) {
	first := time.Now()
	for i := range warm {
		n, err := fn(i)
		if err != nil {
			return 0, 0, err
		}
		if i == 0 {
			rows = n
		}
		if took := time.Since(first); took > budget {
			return took.Seconds() * 1000 / float64(i+1), rows, nil
		}
	}
	begin, calls := time.Now(), 0
	for time.Since(begin) < budget {
		if _, err := fn(calls); err != nil {
			return 0, 0, err
		}
		calls++
	}
	return time.Since(begin).Seconds() * 1000 / float64(calls), rows, nil
}

// ask asks the store and returns how many metas it selects.
func (t *store) ask(ctx context.Context, s search, i int) (n int, err error) {
	if s.count {
		count, err := t.metas.Count(ctx, s.query(i))
		return int(count), err
	}
	for _, err := range t.metas.Search(ctx, s.query(i)) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// askByHand runs the statement and decodes what it gives.
func (t *store) askByHand(ctx context.Context, s search, i int) (n int, err error) {
	var args []any
	if s.args != nil {
		args = s.args(i)
	}
	rows, err := t.hand.Query(ctx, s.hand, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		if s.count {
			if err := rows.Scan(&n); err != nil {
				return n, err
			}
			continue
		}
		if _, err := resource.DecodeMeta(t.Traits().Metas, rows.RawValues()[0]); err != nil {
			return n, err
		}
		n++
	}
	return n, rows.Err()
}

func (x *times) row(s search) searchRow {
	row := searchRow{Search: s.name, Rows: x.rows, Most: s.most, Ours: command.Median(x.ours), Hand: command.Median(x.hand)}
	for i := range x.ours {
		row.Ratios = append(row.Ratios, x.ours[i]/x.hand[i])
	}
	row.Ratio = command.Median(row.Ratios)
	return row
}

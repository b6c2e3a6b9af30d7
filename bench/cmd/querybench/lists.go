package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/specstar-worker/worker/bench/internal/command"
	"github.com/specstar-worker/worker/bench/internal/pgserver"
	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// listed is how many resources a list has, and listGoal how many times as fast as the
// original it is to be.
const (
	listed   = 100
	listGoal = 20
)

// Lists of the original in a round: as shipped it takes seconds for one.
const (
	shippedPasses = 1
	keptPasses    = 3
)

// listRow is the outcome: milliseconds of a list, medians of the rounds', and ratios.
type listRow struct {
	Ours          float64   `json:"ours_ms"`
	Shipped       float64   `json:"shipped_ms"`
	Kept          float64   `json:"kept_ms"`
	ShippedRatio  float64   `json:"shipped_ratio"`
	KeptRatio     float64   `json:"kept_ratio"`
	ShippedRatios []float64 `json:"shipped_ratios"`
	KeptRatios    []float64 `json:"kept_ratios"`
}

func (x *listRow) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n| list of %d with payloads | ms | ratio | rounds | goal |\n|---|---:|---:|---|---|\n| ours | %.2f | | | |\n", listed, x.Ours)
	for _, side := range []struct {
		name      string
		ms, ratio float64
		ratios    []float64
	}{{"original, as shipped", x.Shipped, x.ShippedRatio, x.ShippedRatios}, {"original, connections kept", x.Kept, x.KeptRatio, x.KeptRatios}} {
		fmt.Fprintf(b, "| %s | %.1f | **%.0f×** | %.0f–%.0f | %s |\n", side.name, side.ms, side.ratio, slices.Min(side.ratios), slices.Max(side.ratios),
			verdict(side.ratio >= listGoal, listGoal, "≥"))
	}
}

// compareLists measures lists of a store that both sides read, in rounds.
func compareLists(ctx context.Context, s *pgserver.Server, o options) (_ *listRow, err error) {
	t, err := openStore(ctx, s, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := t.fillListed(ctx, o); err != nil {
		return nil, err
	}
	m, err := manager.NewCatalog(t.Factory, nil, manager.Options{}).Open(ctx, model)
	if err != nil {
		return nil, err
	}
	var ours, shipped, kept []float64
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d of lists\n", round+1, o.rounds)
		for i := range 3 {
			switch (i + round) % 3 {
			case 0:
				err = take(&ours, func() (float64, error) { return listOurs(ctx, m, o) })
			case 1:
				err = take(&shipped, func() (float64, error) { return listTheirs(ctx, t.dsn, shippedPasses, false) })
			default:
				err = take(&kept, func() (float64, error) { return listTheirs(ctx, t.dsn, keptPasses, true) })
			}
			if err != nil {
				return nil, err
			}
		}
	}
	row := &listRow{Ours: command.Median(ours), Shipped: command.Median(shipped), Kept: command.Median(kept)}
	for i := range ours {
		row.ShippedRatios, row.KeptRatios = append(row.ShippedRatios, shipped[i]/ours[i]), append(row.KeptRatios, kept[i]/ours[i])
	}
	row.ShippedRatio, row.KeptRatio = command.Median(row.ShippedRatios), command.Median(row.KeptRatios)
	return row, nil
}

func take(to *[]float64, fn func() (float64, error)) error {
	ms, err := fn()
	*to = append(*to, ms)
	return err
}

// listOurs lists by the manager: two statements.
func listOurs(ctx context.Context, m *manager.Manager, o options) (float64, error) {
	q := qb.Where(qb.IsDeleted().Eq(false), qb.RevStatus().Eq(resource.Stable)).OrderBy(qb.UpdatedTime().Desc()).Page(listed, 0)
	ms, n, err := repeated(o.budget, func(int) (int, error) {
		p, err := m.List(ctx, q)
		for _, item := range p.Items {
			err = errors.Join(err, item.Err)
		}
		return len(p.Items), err
	})
	if err == nil && n != listed {
		err = fmt.Errorf("a list has %d resources", n)
	}
	return ms, err
}

// listTheirs lists by the original inside its process, whose start does not count.
func listTheirs(ctx context.Context, dsn string, passes int, keep bool) (float64, error) {
	p, err := pypeer.Open(ctx)
	if err != nil {
		return 0, err
	}
	timing, err := p.TimePostgresLists(dsn, listed, passes, keep)
	if err = errors.Join(err, p.Close()); err == nil && timing.Resources != listed {
		err = fmt.Errorf("a list of the original has %d resources", timing.Resources)
	}
	return float64(timing.Wall) / float64(time.Millisecond), err
}

// payloadBytes is how long a payload is.
const payloadBytes = 800

// fillListed writes resources with a revision each.
func (t *store) fillListed(ctx context.Context, o options) error {
	for from := 0; from < o.listed; from += atOnce {
		metas, err := makeMetas(from, min(from+atOnce, o.listed))
		if err != nil {
			return err
		}
		w := storage.ModelWrites{Metas: metas}
		for _, m := range metas {
			payload := fmt.Sprintf(`{"name":"item","level":1,"team":"team-1","body":"%s`, m.ResourceID)
			payload += strings.Repeat("x", payloadBytes-len(payload)-2) + `"}`
			w.Revisions = append(w.Revisions, resource.Revision{Data: []byte(payload), Info: infoOf(m, []byte(payload))})
		}
		if err := t.write(ctx, w); err != nil {
			return err
		}
	}
	return t.exec(ctx, `VACUUM ANALYZE item_meta`)
}

package manager_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// slowly is a store whose swaps take as long as it says.
type slowly struct {
	storage.Factory
	takes func(swap int) time.Duration
	begun []time.Time
}

func (f *slowly) Build(ctx context.Context, model string) (storage.Stores, error) {
	stores, err := f.Factory.Build(ctx, model)
	stores.Metas = slowMetas{stores.Metas, f}
	return stores, err
}

type slowMetas struct {
	storage.MetaStore
	f *slowly
}

func (m slowMetas) CompareAndSwap(ctx context.Context, swaps []storage.Swap) ([]bool, error) {
	m.f.begun = append(m.f.begun, time.Now())
	time.Sleep(m.f.takes(len(m.f.begun)))
	return m.MetaStore.CompareAndSwap(ctx, swaps)
}

// paced fills so many rows, ten at once, and returns how long that took.
func paced(t *testing.T, rows, rate int, takes func(swap int) time.Duration) (*slowly, time.Duration) {
	t.Helper()
	f := &slowly{Factory: memory.New(), takes: takes}
	c := manager.NewCatalog(f, nil, manager.Options{BatchSize: 10})
	m, err := c.Declare(t.Context(), storage.ModelInfo{Name: "doc"})
	if err != nil {
		t.Fatal(err)
	}
	stores, err := f.Factory.Build(t.Context(), "doc")
	if err != nil {
		t.Fatal(err)
	}
	metas, revs := make([]resource.Meta, rows), make([]resource.Revision, rows)
	for i := range rows {
		metas[i], revs[i] = simple(resource.ID(fmt.Sprintf("doc:%04d", i)), `{}`)
		metas[i].Rev = resource.RevMeta{}
	}
	if err := stores.Revisions.SaveMany(t.Context(), revs); err != nil {
		t.Fatal(err)
	}
	if err := stores.Metas.SaveMany(t.Context(), metas); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	stats, err := m.BackfillRevisionMeta(t.Context(), manager.BackfillOptions{Pace: manager.NewPace(rate)})
	if err != nil || stats.Updated != int64(rows) {
		t.Fatalf("%+v, %v", stats, err)
	}
	return f, time.Since(begin)
}

// TestARateIsKept: no burst, whatever the size of a page, and no slower than asked for.
func TestARateIsKept(t *testing.T) {
	for _, rate := range []int{10, 100} {
		synctest.Test(t, func(t *testing.T) {
			f, took := paced(t, 200, rate, func(int) time.Duration { return 0 })
			want := 200 * time.Second / time.Duration(rate)
			if took > want || took < want-time.Second {
				t.Errorf("at %d rows a second 200 took %s", rate, took)
			}
			for i := 1; i < len(f.begun); i++ {
				if gap := f.begun[i].Sub(f.begun[i-1]); gap > time.Second {
					t.Errorf("at %d rows a second a page came after %s", rate, gap)
				}
			}
		})
	}
}

// TestASlowStoreIsLeftAlone: after a page that took long nothing begins for a while,
// and what stays slow becomes usual.
func TestASlowStoreIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quick := 10 * time.Millisecond
		_, usual := paced(t, 400, 0, func(int) time.Duration { return quick })
		if usual > 40*quick+time.Millisecond {
			t.Errorf("40 pages of %s took %s", quick, usual)
		}
		f, _ := paced(t, 400, 0, func(swap int) time.Duration {
			if swap == 20 || swap == 21 {
				return 3 * time.Second
			}
			return quick
		})
		if rest := f.begun[21].Sub(f.begun[20]); rest < 3*time.Second {
			t.Errorf("the page behind a slow one began after %s", rest)
		}
		if rest := f.begun[39].Sub(f.begun[30]); rest > 20*quick {
			t.Errorf("when all is well again 9 pages take %s", rest)
		}
		f, _ = paced(t, 1000, 0, func(swap int) time.Duration {
			if swap > 5 {
				return 2 * time.Second
			}
			return 100 * time.Millisecond
		})
		if gap := f.begun[99].Sub(f.begun[98]); gap > 3*time.Second {
			t.Errorf("of a store that is always slow a page comes after %s", gap)
		}
	})
}

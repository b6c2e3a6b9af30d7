package faulttest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// TestColumnsAreAddedUnderLoad changes the table while saves run: none fails.
func TestColumnsAreAddedUnderLoad(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	f := open(t, postgres.Config{DSN: dsn})
	conn := connect(t, dsn)
	var wg sync.WaitGroup
	done := make(chan struct{})
	again, all := 0, either(1500, 21_000) // in batches of 30
	wg.Go(func() {
		defer close(done)
		x := newExecutor(f, nil)
		for n := 0; n < all; n += 30 {
			var ds []jobs.Delivery
			for k := range 30 {
				ds = append(ds, message{n + k, 1}.delivery(100))
			}
			more, err := until(t.Context(), x, ds)
			if again += more; err != nil {
				t.Error(err)
				return
			}
		}
	})
	altered := 0
	for running := true; running; altered++ {
		execute(t, conn, fmt.Sprintf(`ALTER TABLE item_meta ADD COLUMN extra%d text DEFAULT 'x'`, altered%100))
		execute(t, conn, `ALTER TABLE specstar_jobs ADD COLUMN extra int`)
		execute(t, conn, `ALTER TABLE specstar_jobs DROP COLUMN extra`)
		execute(t, conn, fmt.Sprintf(`ALTER TABLE item_meta DROP COLUMN extra%d`, altered%100))
		select {
		case <-done:
			running = false
		default:
		}
	}
	wg.Wait()
	h, err := readHistory(t.Context(), f)
	if err == nil {
		err = h.check(t.Context(), f, nil)
	}
	if err != nil || h.Revisions != all || again > 0 {
		t.Errorf("%d revisions of %d jobs, %d tried again: %v", h.Revisions, all, again, err)
	}
	t.Logf("%d jobs while columns came and went %d times, %d tried again", all, altered, again)
}

// TestOneOfManyMigrates opens an empty database from eight stores at once.
func TestOneOfManyMigrates(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	ids := make([]uuid.UUID, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			f, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn, Connections: 3})
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = f.ID()
			for n := range 5 {
				if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: fmt.Sprint("model", n)}); err != nil {
					t.Error(err)
				}
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(slices.Compact(ids)) != 1 || ids[0] == uuid.Nil {
		t.Errorf("stores %v", ids)
	}
	eventually(t, connect(t, dsn), `SELECT count(*) = count(DISTINCT version_id) AND (SELECT count(*) = 1 FROM specstar_store) FROM specstar_schema`)
}

package peertest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// crowd is how large TestBackfillAmongWriters is.
type crowd struct {
	rows, writers int
	// every is how much time there is between two updates of a writer; 0 is none.
	every time.Duration
	// whole: the original's whole state is compared, not what it finds alone.
	whole bool
}

func crowdOf() crowd {
	if os.Getenv("SPECSTAR_TEST_LONG") != "" {
		return crowd{rows: 1_000_000, writers: 4, every: 20 * time.Millisecond} // 200 updates a second
	}
	return crowd{rows: 400, writers: 4, whole: true}
}

// TestBackfillAmongWriters fills rev_* by two workers, range by range, while others
// update the same rows: no update is lost, what nobody updated is as it was, byte for byte,
// and the original reads every row with its rev_*.
func TestBackfillAmongWriters(t *testing.T) {
	p := pypeer.Start(t)
	n := crowdOf()
	for _, c := range []composition{compositions[0], directories[0]} {
		t.Run(c.kind, func(t *testing.T) {
			s := newShared(t, p, c)
			n.fill(t, s)
			if n.whole {
				c.same(t, "afterwards", s.app, s.store)
			}
			n.found(t, s.app)
		})
	}
	t.Run("sqlite", func(t *testing.T) { // which the original cannot open: it loads the dump
		s := items{store: newSQLite(t, resource.Msgpack)}
		s.manager = declareItem(t, s.store)
		n.fill(t, s)
		path := filepath.Join(t.TempDir(), "dump.acbak")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = s.catalog.DumpTo(t.Context(), f, manager.DumpOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		app := p.MustNew(t, pypeer.Config{Models: pypeer.Item})
		if _, err := app.Load(path, "raise_error"); err != nil {
			t.Fatal(err)
		}
		n.found(t, app)
	})
}

// found checks that the original finds each row by what was filled.
func (n crowd) found(t *testing.T, app *pypeer.App) {
	t.Helper()
	ids, err := app.Search("item", []byte(`{"rev_statuses":["stable"],"rev_updated_bys":["ann","bob"],"limit":`+fmt.Sprint(n.rows+1)+`}`))
	if err != nil || len(ids) != n.rows {
		t.Errorf("the original finds %d of %d rows, %v", len(ids), n.rows, err)
	}
}

// fill makes rows without rev_*, fills and updates them at once, and checks them.
func (n crowd) fill(t *testing.T, s items) {
	t.Helper()
	before := n.make(t, s)
	stores, err := s.factory.Build(t.Context(), "item")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	updates := make([]map[resource.ID]int, n.writers)
	var writing sync.WaitGroup
	for w := range updates {
		writing.Go(func() { updates[w] = n.update(t, s.manager, w, done) })
	}
	stats := n.backfill(t, s)
	close(done)
	writing.Wait()
	all := map[resource.ID]int{}
	for _, some := range updates {
		maps.Copy(all, some)
	}
	if rest, err := s.manager.BackfillRevisionMeta(t.Context(), manager.BackfillOptions{}); err != nil || rest.Rows() != 0 {
		t.Errorf("afterwards there is something left to fill: %+v, %v", rest, err)
	}
	if len(all) == 0 || stats.Updated == 0 || stats.Missing != 0 || stats.Updated+int64(len(all)) < int64(n.rows) {
		t.Errorf("%d rows were updated and %+v filled", len(all), stats)
	}
	n.check(t, stores, before, all)
	t.Logf("%+v filled, %d rows updated meanwhile", stats, len(all))
}

// make makes rows without rev_*, and returns hashes of their metas.
func (n crowd) make(t *testing.T, s items) map[resource.ID]uint64 {
	t.Helper()
	stores, err := s.factory.Build(t.Context(), "item")
	if err != nil {
		t.Fatal(err)
	}
	const page = 10_000
	hashes := make(map[resource.ID]uint64, n.rows)
	for from := 0; from < n.rows; from += page {
		var ops []manager.Operation
		for i := from; i < min(from+page, n.rows); i++ {
			ops = append(ops, manager.Operation{Op: manager.OpCreate, ResourceID: row(i), Data: labelled("first", 0), User: "ann", Time: noon})
		}
		s.save(t, ops)
	}
	for in := (storage.Range{}); ; {
		rows, err := stores.Metas.Rows(t.Context(), in, page)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			return hashes
		}
		metas := make([]resource.Meta, len(rows))
		for i, r := range rows {
			metas[i] = withoutRev(r.Meta)
			hashes[r.Meta.ResourceID] = hashOf(r.Meta)
		}
		if err := stores.Metas.SaveMany(t.Context(), metas); err != nil {
			t.Fatal(err)
		}
		in = in.Behind(metas[len(metas)-1].ResourceID)
	}
}

func row(i int) resource.ID { return resource.ID(fmt.Sprintf("item:%07d", i)) }

func withoutRev(m resource.Meta) resource.Meta {
	m.Rev = resource.RevMeta{}
	return m
}

// hashOf returns a hash of a meta without rev_*.
func hashOf(m resource.Meta) uint64 { return xxh3.Hash(withoutRev(m).Append(resource.Msgpack, nil)) }

// update updates rows of its own, from the last to the first, until done, and returns how
// often each.
func (n crowd) update(t *testing.T, m *manager.Manager, writer int, done <-chan struct{}) map[resource.ID]int {
	times := map[resource.ID]int{}
	for i := n.rows - 1 - writer; ; i -= n.writers {
		if i < 0 {
			i += n.rows / n.writers * n.writers
		}
		id := row(i)
		times[id]++
		_, err := m.Update(t.Context(), manager.Operation{ResourceID: id, Data: labelled("again", times[id]), User: "bob", Time: noon.Add(time.Duration(times[id]) * time.Second)})
		if err != nil {
			t.Errorf("update of %s: %v", id, err)
			return times
		}
		select {
		case <-done:
			return times
		case <-time.After(n.every):
		}
	}
}

// backfill fills all rows by two workers, which take ranges by turns.
func (n crowd) backfill(t *testing.T, s items) (sum manager.BackfillStats) {
	t.Helper()
	// Small pages, so that there are many chances to meet a writer.
	m, err := manager.NewCatalog(s.factory, s.blobs, manager.Options{BatchSize: max(10, n.rows/1000)}).Open(t.Context(), "item")
	if err != nil {
		t.Fatal(err)
	}
	ranges, err := m.Ranges(t.Context(), n.rows/10, true)
	if err != nil {
		t.Fatal(err)
	}
	todo := make(chan storage.Range, len(ranges))
	for _, r := range ranges {
		todo <- r
	}
	close(todo)
	var mu sync.Mutex
	var working sync.WaitGroup
	for range 2 {
		working.Go(func() {
			for r := range todo {
				stats, err := m.BackfillRevisionMeta(t.Context(), manager.BackfillOptions{Range: r})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				sum = sum.Add(stats)
				mu.Unlock()
			}
		})
	}
	working.Wait()
	return sum
}

// check checks every row: its rev_* are those of its current revision, it has a revision
// for each update, the last one its payload, and one that nobody updated is as it was.
func (n crowd) check(t *testing.T, stores storage.Stores, before map[resource.ID]uint64, updates map[resource.ID]int) {
	t.Helper()
	seen := 0
	for in := (storage.Range{}); ; {
		rows, err := stores.Metas.Rows(t.Context(), in, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			break
		}
		keys := make([]resource.RevisionKey, len(rows))
		for i, r := range rows {
			keys[i] = resource.RevisionKey{Resource: r.Meta.ResourceID, Revision: r.Meta.CurrentRevisionID, SchemaVersion: r.Meta.SchemaVersion}
		}
		current, err := stores.Revisions.GetMany(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range rows {
			checkRow(t, r.Meta, current[keys[i]], before[r.Meta.ResourceID], updates[r.Meta.ResourceID])
		}
		seen += len(rows)
		in = in.Behind(rows[len(rows)-1].Meta.ResourceID)
	}
	if seen != n.rows {
		t.Errorf("%d rows of %d are there", seen, n.rows)
	}
}

func checkRow(t *testing.T, m resource.Meta, current resource.Revision, before uint64, updates int) {
	t.Helper()
	if want := (resource.Meta{Rev: resource.RevMetaOf(current.Info)}); string(onlyRev(m)) != string(onlyRev(want)) {
		t.Errorf("%s has rev_* %+v instead of %+v", m.ResourceID, m.Rev, want.Rev)
	}
	if m.TotalRevisionCount != updates+1 || m.CurrentRevisionID != m.ResourceID.Revision(updates+1) {
		t.Errorf("%s is at %s of %d after %d updates", m.ResourceID, m.CurrentRevisionID, m.TotalRevisionCount, updates)
	}
	label := []string{"first", "again"}[min(updates, 1)]
	if string(current.Data) != string(labelled(label, updates)) {
		t.Errorf("%s has %s after %d updates", m.ResourceID, current.Data, updates)
	}
	if updates == 0 && hashOf(m) != before {
		t.Errorf("%s is another one, though nobody has updated it", m.ResourceID)
	}
}

// onlyRev is the text of a meta that has nothing but the rev_* fields of m.
func onlyRev(m resource.Meta) []byte {
	return resource.Meta{ResourceID: "x", Rev: m.Rev}.Append(resource.JSON, nil)
}

package consumer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
	"github.com/specstar-worker/worker/storage"
)

// bare takes the rev_* fields away of all people, and the current revision of the last.
func (w *world) bare(n int) {
	w.t.Helper()
	stores, err := w.factory.Build(w.t.Context(), "person")
	if err != nil {
		w.t.Fatal(err)
	}
	metas := make([]resource.Meta, 0, n)
	for meta, err := range stores.Metas.All(w.t.Context()) {
		if err != nil {
			w.t.Fatal(err)
		}
		meta.Rev = resource.RevMeta{}
		metas = append(metas, meta)
	}
	metas[n-1].CurrentRevisionID = metas[n-1].ResourceID.Revision(9)
	if err := stores.Metas.SaveMany(w.t.Context(), metas); err != nil {
		w.t.Fatal(err)
	}
}

// loadBare loads an archive of so many people and takes away what a backfill fills.
func (w *world) loadBare(archive []byte, n int) {
	w.t.Helper()
	w.divide(archive)
	if _, err := w.catalog.LoadArchive(w.t.Context(), bytes.NewReader(archive), manager.LoadOptions{}); err != nil {
		w.t.Fatal(err)
	}
	w.bare(n)
}

// wantDivided checks the row of a job that was done in chunks and notes by whom.
func (w *world) wantDivided(row storage.Job, total int64, outcome any, workers map[string]int64) {
	w.t.Helper()
	if err := json.Unmarshal(row.Outcome, outcome); err != nil || row.Done != total || row.Total != total || row.Attempt > 1 {
		w.t.Errorf("%d of %d, attempt %d: %s, %v", row.Done, row.Total, row.Attempt, row.Outcome, err)
	}
	chunks := w.outcomes(row.ID)
	for _, o := range chunks {
		workers[o.Worker] += o.Units
	}
	if len(chunks) < int(total/1000) {
		w.t.Errorf("done in %d chunks", len(chunks))
	}
}

// TestABackfillIsDoneByAllWorkers: both kinds, and a migration, in chunks.
func TestABackfillIsDoneByAllWorkers(t *testing.T) {
	const n = 6000
	archive := people(t, n, "new")
	onEveryStore(t, func(t *testing.T, w *world) {
		w.ackWait = time.Minute // nobody dies, and what is done twice is not counted twice
		w.loadBare(archive, n)
		declared, err := model.ParseYAML("person.yaml", []byte("name: person\nschema_version: \"2\"\nindexed_fields: [new]\nfields: [{name: new, type: int}, {name: version, type: int}]\n"+
			"migrations: [{from: null, to: \"2\", steps: [{default: {path: new, value: 0}}]}]\n"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.catalog.DeclareModel(t.Context(), declared[0]); err != nil {
			t.Fatal(err)
		}
		w.together(2)
		for range 2 {
			w.start(func(c *consumer.Config) { c.Slots = 1 })
		}
		workers := map[string]int64{}
		missing := []resource.ID{person(n - 1)}
		fill := func(b jobs.Backfill, want manager.BackfillStats) {
			t.Helper()
			b.Models = []string{"person"}
			e := jobs.NewBackfill("u", "person")
			e.Args = b
			row := w.wait(storage.JobDone, w.send(e)[0])[0]
			var got jobs.BackfillOutcome
			w.wantDivided(row, n, &got, workers)
			if s := got.Models["person"]; fmt.Sprint(s) != fmt.Sprint(want) || got.DryRun != b.DryRun {
				t.Errorf("%+v: %+v instead of %+v", b, got, want)
			}
		}
		want := manager.BackfillStats{Updated: n - 1, Missing: 1, MissingIDs: missing}
		fill(jobs.Backfill{What: jobs.RevisionMeta, Going: jobs.Going{DryRun: true}}, want)
		fill(jobs.Backfill{What: jobs.RevisionMeta}, want)
		fill(jobs.Backfill{What: jobs.IndexedData}, want)

		row := w.wait(storage.JobDone, w.send(jobs.NewMigrate("u", jobs.Migrate{Models: []string{"person"}}))[0])[0]
		var got jobs.MigrateOutcome
		w.wantDivided(row, n, &got, workers)
		if s := got.Models["person"]; s.Migrated != n-1 || s.Failed != 1 || len(s.Failures) != 1 || s.Failures[0].ResourceID != missing[0] {
			t.Errorf("%+v", got)
		}
		if len(workers) != 2 {
			t.Errorf("done by %v", workers)
		}
	})
}

// TestAChunkOfABackfillIsDoneTwice: a worker dies between the rows and the row of the
// chunk. Who does it again finds nothing to do, and the job ends.
func TestAChunkOfABackfillIsDoneTwice(t *testing.T) {
	const n = 3000
	archive := people(t, n, "new")
	onEveryStore(t, func(t *testing.T, w *world) {
		w.loadBare(archive, n)
		var once sync.Once
		w.hooked(func() {
			once.Do(func() { // what the first chunk is about to do
				m, err := w.catalog.Open(t.Context(), "person")
				if err == nil {
					_, err = m.BackfillRevisionMeta(t.Context(), manager.BackfillOptions{Range: storage.Range{Until: person(1500)}})
				}
				if err != nil {
					t.Error(err)
				}
			})
		}, func(jobs.Verdict) {})
		w.start()
		row := w.wait(storage.JobDone, w.send(jobs.NewBackfill("u", "person"))[0])[0]
		var got jobs.BackfillOutcome
		if err := json.Unmarshal(row.Outcome, &got); err != nil || got.Models["person"].Updated != n-1-1501 || got.Models["person"].Missing != 1 {
			t.Errorf("%+v, %v", got, err)
		}
		m, err := w.catalog.Open(t.Context(), "person")
		if err != nil {
			t.Fatal(err)
		}
		if s, err := m.Stats(t.Context()); err != nil || s.UnsetRev != 1 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// TestACancelledBackfillStops: what is filled stays filled, and a retry goes on.
func TestACancelledBackfillStops(t *testing.T) {
	const n = 5000
	archive := people(t, n, "new")
	onEveryStore(t, func(t *testing.T, w *world) {
		w.loadBare(archive, n)
		var once sync.Once
		job := make(chan uuid.UUID, 1)
		w.hooked(func() {}, func(jobs.Verdict) {
			once.Do(func() {
				if _, err := w.factory.Ledger().Cancel(t.Context(), <-job); err != nil {
					t.Error(err)
				}
			})
		})
		w.start()
		r := w.send(jobs.NewBackfill("u", "person"))[0]
		job <- r.ID
		w.wait(storage.JobCancelled, r)
		left := func() int64 {
			t.Helper()
			stores, err := w.factory.Build(t.Context(), "person")
			if err != nil {
				t.Fatal(err)
			}
			s, err := stores.Metas.Stats(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return s.UnsetRev
		}
		if l := left(); l == n || l < 2 {
			t.Errorf("%d rows are left to fill", l)
		}
		w.wait(storage.JobDone, w.send(jobs.NewBackfill("u", "person"))[0])
		if l := left(); l != 1 {
			t.Errorf("in the end %d rows are left to fill", l)
		}
	})
}

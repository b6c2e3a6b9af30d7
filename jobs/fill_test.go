package jobs_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// TestKeysOfWork: jobs that do the same have one key, whatever else they say.
func TestKeysOfWork(t *testing.T) {
	fill := func(what string, models ...string) string { return jobs.Backfill{What: what, Models: models}.Key() }
	long := strings.Repeat("m", 250)
	same := [][2]string{
		{fill("", "a"), fill(jobs.RevisionMeta, "a", "a")},
		{fill("", "a", "b"), fill("", "b", "a")},
		{fill("", "a"), jobs.Backfill{Models: []string{"a"}, Going: jobs.Going{Rate: 7}}.Key()},
		{fill("", "a"), "backfill:revision_meta:a"},
		{jobs.Migrate{Models: []string{"a"}, Going: jobs.Going{DryRun: true}}.Key(), ""},
		{jobs.Backfill{Going: jobs.Going{DryRun: true}}.Key(), ""},
	}
	for _, c := range same {
		if c[0] != c[1] {
			t.Errorf("the keys %q and %q differ", c[0], c[1])
		}
	}
	met := map[string]bool{}
	for _, key := range []string{
		fill(""), fill("", "a"), fill("", "b"), fill("", "a", "b"), fill(jobs.IndexedData, "a"), fill("", long), fill("", long+"n"),
		jobs.Migrate{Models: []string{"a"}}.Key(), jobs.Migrate{Models: []string{"a"}, History: true}.Key(),
	} {
		if met[key] || key == "" || len(key) > 255 {
			t.Errorf("key %q", key)
		}
		met[key] = true
	}
}

// TestADryRun counts what a backfill would do, and does not do it.
func TestADryRun(t *testing.T) {
	b := newBench()
	if _, err := b.catalog.Declare(t.Context(), storage.ModelInfo{Name: "doc"}); err != nil {
		t.Fatal(err)
	}
	stores, err := b.factory.Build(t.Context(), "doc")
	if err != nil {
		t.Fatal(err)
	}
	m, err := b.catalog.Open(t.Context(), "doc")
	if err != nil {
		t.Fatal(err)
	}
	var bare []resource.Meta
	for _, id := range []resource.ID{"doc:a", "doc:b"} {
		if _, err := m.Create(t.Context(), manager.Operation{ResourceID: id, Data: []byte(`{}`), User: "ann"}); err != nil {
			t.Fatal(err)
		}
		meta, err := m.GetMeta(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		meta.Rev = resource.RevMeta{}
		bare = append(bare, meta)
	}
	bare[1].CurrentRevisionID = "doc:b:9"
	if err := stores.Metas.SaveMany(t.Context(), bare); err != nil {
		t.Fatal(err)
	}
	run := func(dry bool) (o jobs.BackfillOutcome) {
		t.Helper()
		job := jobs.NewBackfill("ann", "doc")
		job.Args = jobs.Backfill{Models: []string{"doc"}, Going: jobs.Going{DryRun: dry}}
		if v := b.Execute(t.Context(), []jobs.Delivery{deliver(t, job)})[0]; v.State != storage.JobDone {
			t.Fatalf("%+v", v)
		}
		if err := json.Unmarshal(b.row(t, job.ID).Outcome, &o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	want := jobs.BackfillOutcome{DryRun: true, Models: map[string]manager.BackfillStats{
		"doc": {Updated: 1, Missing: 1, MissingIDs: []resource.ID{"doc:b"}},
	}}
	for range 2 {
		if diff := cmp.Diff(want, run(true)); diff != "" {
			t.Error(diff)
		}
	}
	want.DryRun = false
	if diff := cmp.Diff(want, run(false)); diff != "" {
		t.Error(diff)
	}
}

package peertest

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
)

// someEdits create so many items, update every second, modify every third and delete
// every seventh.
func someEdits(n int) (edits []pypeer.Edit) {
	for i := range n {
		e := pypeer.Edit{
			Op: "create", ResourceID: resource.ID(fmt.Sprintf("item:%03d", i)), Data: labelled(fmt.Sprint("first ", i%5), i),
			Status: []resource.Status{resource.Stable, resource.Draft}[i%2], User: fmt.Sprint("user ", i%3), Time: noon.Add(time.Duration(i) * time.Minute),
		}
		edits = append(edits, e)
		e.User, e.Time = "ann", e.Time.Add(time.Hour)
		if i%2 == 0 {
			e.Op, e.Data, e.Status = "update", labelled(fmt.Sprint("second ", i%5), i), resource.Draft
			edits = append(edits, e)
		}
		if i%3 == 0 {
			e.Op, e.Data, e.Status = "modify", labelled(fmt.Sprint("third ", i%5), i), resource.Stable
			edits = append(edits, e)
		}
		if i%7 == 0 {
			edits = append(edits, pypeer.Edit{Op: "delete", ResourceID: e.ResourceID, User: "bob", Time: e.Time})
		}
	}
	return edits
}

// mustApply has the original do what it must not refuse.
func mustApply(t *testing.T, app *pypeer.App, edits []pypeer.Edit) {
	t.Helper()
	raised, err := app.Apply("item", edits)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range raised {
		if name != "" {
			t.Fatalf("%+v raised %s", edits[i], name)
		}
	}
}

// derived are queries by what a backfill fills.
var derived = []string{
	`{"rev_statuses":["draft"]}`, `{"rev_statuses":["stable"]}`, `{"rev_created_bys":["ann"]}`, `{"rev_updated_bys":["user 1","ann"]}`,
	`{"rev_created_time_start":{"$datetime":"2024-06-01T13:00:00+00:00"}}`, `{"rev_updated_time_end":{"$datetime":"2024-06-01T13:00:00+00:00"}}`,
	condition("label", "eq", `"second 2"`), condition("label", "starts_with", `"third"`), condition("weight", "gt", `0.25`),
}

// answers are the original's to the queries above, and how many ids there are.
func answers(t *testing.T, app *pypeer.App) (all [][]resource.ID, n int) {
	t.Helper()
	for _, text := range derived {
		ids, err := app.Search("item", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		slices.Sort(ids)
		all, n = append(all, ids), n+len(ids)
	}
	return all, n
}

// likeAlone checks that both sides hold what an app of its own holds, and that the
// original finds by derived fields what is found there, and we what the original finds.
func (c composition) likeAlone(t *testing.T, alone *pypeer.App, s items) {
	t.Helper()
	got := c.same(t, "after the backfill", s.app, s.store)
	equal(t, "against an app of its own", withoutUIDs(t, alone.MustState(t)), withoutUIDs(t, got))
	want, n := answers(t, alone)
	found, _ := answers(t, s.app)
	if n < 100 {
		t.Fatalf("only %d ids are found", n)
	}
	for i, ids := range found {
		if !slices.Equal(ids, want[i]) {
			t.Errorf("%s finds %v, in an app of its own %v", derived[i], ids, want[i])
		}
	}
	sameAnswers(t, s.app, s.store, "item")
	if left, err := s.app.Backfill(); err != nil || left["item"] != 0 {
		t.Errorf("the original still fills %v: %v", left, err)
	}
	backfill(t, s.store, map[string]int64{"item": 0})
	findings, err := s.catalog.Verify(t.Context())
	if err != nil || !findings.OK {
		t.Errorf("%+v, %v", findings, err)
	}
}

// TestWeFillWhatTheOriginalLeft: an app of a release before 0.9 has left rows without
// rev_*, and all were written before most fields were indexed. The app that is
// deployed in its place reads and searches what we filled, while it runs.
func TestWeFillWhatTheOriginalLeft(t *testing.T) {
	p := pypeer.Start(t)
	eachComposition(t, func(t *testing.T, c composition) {
		const n = 40
		place := c.place(t, "")
		before := p.MustNew(t, pypeer.Config{Models: pypeer.Item0, Store: place})
		edits := someEdits(n)
		mustApply(t, before, edits)
		forgotten := int64(0)
		for i := range n {
			if i%4 != 0 {
				mustApply(t, before, []pypeer.Edit{{Op: "forget", ResourceID: resource.ID(fmt.Sprintf("item:%03d", i)), Time: noon}})
				forgotten++
			}
		}
		alone := p.MustNew(t, pypeer.Config{Models: pypeer.Item})
		mustApply(t, alone, edits)

		s := items{app: p.MustNew(t, pypeer.Config{Models: pypeer.Item, Store: place}), store: open(t, place)}
		s.manager = declareItem(t, s.store)
		if _, found := answers(t, s.app); found > 100 {
			t.Fatalf("%d ids are found before anything is filled", found)
		}
		backfill(t, s.store, map[string]int64{"item": forgotten})
		stats, err := s.manager.BackfillIndexedData(t.Context(), manager.BackfillOptions{})
		if err != nil || stats.Updated != n || stats.Missing != 0 {
			t.Fatalf("backfilled %+v, %v; want %d updated", stats, err, n)
		}
		c.likeAlone(t, alone, s)
	})
}

// TestTheOriginalFillsWhatWeLeft: an archive of a release before 0.9 that is loaded
// here leaves rows without rev_*, which the original fills; we read and search them.
func TestTheOriginalFillsWhatWeLeft(t *testing.T) {
	p := pypeer.Start(t)
	eachComposition(t, func(t *testing.T, c composition) {
		const n = 40
		alone := p.MustNew(t, pypeer.Config{Models: pypeer.Item})
		mustApply(t, alone, someEdits(n))
		dir := t.TempDir()
		whole, old := filepath.Join(dir, "whole.acbak"), filepath.Join(dir, "old.acbak")
		if err := alone.Dump(whole); err != nil {
			t.Fatal(err)
		}
		if err := p.Strip(whole, old, 4); err != nil {
			t.Fatal(err)
		}
		s := newShared(t, p, c)
		s.load(t, old, manager.LoadOptions{})
		filled, err := s.app.Backfill()
		if err != nil || filled["item"] != n-n/4 {
			t.Fatalf("the original filled %v, %v; want %d", filled, err, n-n/4)
		}
		equal(t, "with the same uids", alone.MustState(t), s.state(t))
		c.likeAlone(t, alone, s)
	})
}

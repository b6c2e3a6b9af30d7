package sqlite

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// unpackLayout3 writes a store that the last program of layout 3 made of that of
// layout 2: another backfill was submitted, whose message's place is known.
func unpackLayout3(t *testing.T) string { return unpackLayout(t, 3) }

func TestUpgradeFromLayout3KeepsEverything(t *testing.T) {
	dir := unpackLayout3(t)
	f := upgradeKeepsEverything(t, dir, 3, 10)
	l := f.Ledger()
	if due, err := l.Due(t.Context(), 10); err != nil || len(due) > 0 {
		t.Errorf("%d jobs are due (%v)", len(due), err)
	}
	row, err := l.Get(t.Context(), layout2Job("waiting"))
	if err != nil {
		t.Fatal(err)
	}
	row.NotBefore = time.Now().Add(-time.Hour)
	if _, err := l.Park(t.Context(), []storage.Job{row}); err != nil {
		t.Fatal(err)
	}
	if due, err := l.Due(t.Context(), 10); err != nil || len(due) != 1 || due[0].ID != row.ID {
		t.Errorf("due are %+v (%v)", due, err)
	}
	for i, want := range []bool{false, true} {
		_, err := l.Insert(t.Context(), []storage.Job{{ID: uuid.New(), Kind: "load", Unique: "key"}})
		if _, is := errors.AsType[*storage.JobExistsError](err); is != want {
			t.Errorf("job %d of one key: %v", i, err)
		}
	}
	upgradedFileWorks(t, f)
}

func TestJobsOfLayout3AreReadAsTheyAre(t *testing.T) {
	dir := unpackLayout3(t)
	f := open(t, Config{Dir: dir, ReadOnly: true})
	placed := 0
	for row, err := range f.Ledger().List(t.Context(), storage.JobFilter{}) {
		if err != nil || !row.NotBefore.IsZero() || row.Unique != "" {
			t.Errorf("job %+v (%v)", row, err)
		}
		if row.Sequence > 0 {
			placed++
		}
	}
	if placed != 1 {
		t.Errorf("%d jobs have a place", placed)
	}
	if due, err := f.Ledger().Due(t.Context(), 10); err != nil || len(due) > 0 {
		t.Errorf("%d jobs are due (%v)", len(due), err)
	}
	if v := layoutOf(t, dir); v != 3 {
		t.Errorf("the layout is %d after reading", v)
	}
}

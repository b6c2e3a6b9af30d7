package sqlite

import (
	"testing"

	"github.com/specstar-worker/worker/storage"
)

// unpackLayout4 writes a store that the last program of layout 4 made of that of
// layout 3: three saves were added, whose messages are known; one of them is dead.
func unpackLayout4(t *testing.T) string { return unpackLayout(t, 4) }

// wantSaves compares where the messages of the saves were first.
func wantSaves(t *testing.T, f *Factory) {
	t.Helper()
	n := 0
	for row, err := range f.Ledger().List(t.Context(), storage.JobFilter{Kind: "save"}) {
		if err != nil {
			t.Fatal(err)
		}
		if row.Queue != layout2Job("queue") {
			continue // of layout 1
		}
		n++
		want := storage.Origin{Queue: layout2Job("queue"), Epoch: 7, Sequence: row.Sequence}
		if row.Origin.Known() || row.Sequence == 0 || row.First() != want {
			t.Errorf("the message of job %s was first at %v, want %v", row.Text, row.First(), want)
		}
	}
	if n != 3 {
		t.Errorf("%d saves with a place, want 3", n)
	}
}

func TestUpgradeFromLayout4KeepsEverything(t *testing.T) {
	dir := unpackLayout4(t)
	f := upgradeKeepsEverything(t, dir, 4, 13)
	wantSaves(t, f)
	row, err := f.Ledger().Retry(t.Context(), layout2Job("dead"))
	want := storage.Origin{Queue: layout2Job("queue"), Epoch: 7, Sequence: 3}
	if err != nil || row.Origin != want || row.Sequence != 0 {
		t.Errorf("the dead job is %+v (%v) when it is tried again", row, err)
	}
	upgradedFileWorks(t, f)
}

func TestJobsOfLayout4AreReadAsTheyAre(t *testing.T) {
	dir := unpackLayout4(t)
	wantSaves(t, open(t, Config{Dir: dir, ReadOnly: true}))
	if v := layoutOf(t, dir); v != 4 {
		t.Errorf("the layout is %d after reading", v)
	}
}

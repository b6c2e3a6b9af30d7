package sqlite

import (
	"testing"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// unpackLayout5 writes the store of layout 4 as the last program of layout 5 left it when
// it had opened it.
func unpackLayout5(t *testing.T) string { return unpackLayout(t, 5) }

func TestUpgradeFromLayout5KeepsEverything(t *testing.T) {
	dir := unpackLayout5(t)
	f := upgradeKeepsEverything(t, dir, 5, 13)
	if _, err := f.Ledger().Act(t.Context(), storage.Act{Verb: storage.VerbCancel, Job: layout2Job("waiting"), By: "alice"}); err != nil {
		t.Fatal(err)
	}
	if n := entries(t, f); n != 1 {
		t.Errorf("%d entries are in the trail", n)
	}
	upgradedFileWorks(t, f)
}

func entries(t *testing.T, f *Factory) (n int) {
	t.Helper()
	for _, err := range f.Ledger().Audits(t.Context(), storage.AuditFilter{Until: time.Now().Add(time.Hour)}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func TestJobsOfLayout5AreReadAsTheyAre(t *testing.T) {
	dir := unpackLayout5(t)
	f := open(t, Config{Dir: dir, ReadOnly: true})
	if n := entries(t, f); n != 0 {
		t.Errorf("%d entries are in a trail that is not there", n)
	}
	if v := layoutOf(t, dir); v != 5 {
		t.Errorf("the layout is %d after reading", v)
	}
}

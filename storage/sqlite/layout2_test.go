package sqlite

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// unpackLayout2 writes a store that the last program of layout 2 made of that of
// layout 1: a model with a declaration and three more backfills were added, one that waits
// in a queue, one that runs, and one that was never published.
func unpackLayout2(t *testing.T) string { return unpackLayout(t, 2) }

// layout2Job is the id of a job by its text.
func layout2Job(text string) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceOID, []byte(text)) }

func TestUpgradeFromLayout2KeepsEverything(t *testing.T) {
	dir := unpackLayout2(t)
	f := upgradeKeepsEverything(t, dir, 2, 9)
	l, queue, waiting := f.Ledger(), layout2Job("queue"), layout2Job("waiting")
	row, err := l.Get(t.Context(), waiting)
	if err != nil || row.Queue != queue || row.Epoch != 0 || row.Sequence != 0 || row.State != storage.JobQueued {
		t.Errorf("the job that waits is %+v (%v)", row, err)
	}
	if err := l.Published(t.Context(), queue, []storage.Place{{Job: waiting, Epoch: 5, Sequence: 6}}); err != nil {
		t.Fatal(err)
	}
	if row, err := l.Get(t.Context(), waiting); err != nil || row.Epoch != 5 || row.Sequence != 6 {
		t.Errorf("the job that was published is %+v (%v)", row, err)
	}
	if n, err := l.Takeover(t.Context(), queue); n != 1 || err != nil {
		t.Errorf("%d jobs were taken over (%v), want 1", n, err)
	}
	upgradedFileWorks(t, f)
}

func TestJobsOfLayout2AreReadAsTheyAre(t *testing.T) {
	dir := unpackLayout2(t)
	f := open(t, Config{Dir: dir, ReadOnly: true})
	n := 0
	for row, err := range f.Ledger().List(t.Context(), storage.JobFilter{Kind: "backfill", States: []storage.JobState{storage.JobQueued, storage.JobRunning}}) {
		if err != nil || row.Epoch != 0 || row.Sequence != 0 || row.Kind != "backfill" || len(row.Envelope) == 0 {
			t.Errorf("job %+v (%v)", row, err)
		}
		n++
	}
	if n != 4 {
		t.Errorf("%d jobs, want 4", n)
	}
	if row, err := f.Ledger().Find(t.Context(), "running"); err != nil || row.Done != 2 || row.ID != layout2Job("running") {
		t.Errorf("the running job is %+v (%v)", row, err)
	}
	if v := layoutOf(t, dir); v != 2 {
		t.Errorf("the layout is %d after reading", v)
	}
}

// A program of layout 2 that has the file open goes on working: it knows nothing of
// places, and what it changes keeps or loses them.
func TestProgramOfLayout2GoesOnBesideANewOne(t *testing.T) {
	dir := unpackLayout2(t)
	raw := rawDB(t, dir)
	f := open(t, Config{Dir: dir})
	columns := strings.TrimSuffix(endedColumns, `, origin`)
	old := `INSERT OR REPLACE INTO specstar_jobs (` + columns + `) SELECT ` + columns + ` FROM specstar_jobs WHERE id = ?`
	waiting := layout2Job("waiting")
	if err := f.Ledger().Published(t.Context(), layout2Job("queue"), []storage.Place{{Job: waiting, Epoch: 5, Sequence: 6}}); err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Exec(old, waiting[:]); err != nil {
		t.Fatal(err)
	}
	row, err := f.Ledger().Get(t.Context(), waiting)
	if err != nil || row.Queue != layout2Job("queue") || row.Epoch != 0 || row.Sequence != 0 {
		t.Errorf("the job is %+v (%v), want one whose place is unknown", row, err)
	}
	if _, c, err := f.Ledger().Claim(t.Context(), row, time.Minute); err != nil || c.Token == uuid.Nil {
		t.Errorf("claim: %v", err)
	}
}

package postgres

import (
	"errors"
	"testing"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// wantWhole publishes what is staged and checks that every entry leads to a content.
func wantWhole(t *testing.T, f *Factory, m *memoryModel, c storage.Claim, entries int) {
	t.Helper()
	if err := f.Unit().Publish(t.Context(), c, storage.Final{State: storage.JobDone}); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, uid := range m.entries {
		if _, ok := m.contents[uid]; !ok {
			t.Errorf("revision %s leads to a content that is not there", key.Revision)
		}
	}
	if len(m.entries) != entries {
		t.Errorf("%d entries, want %d", len(m.entries), entries)
	}
}

// A medium that fails after it has removed contents leaves no chunk that counts as
// done without them: a later attempt stages it again.
func TestUnstageThatFailsLosesNoContent(t *testing.T) {
	medium := &memoryMedium{}
	f := openSwept(t, Config{Revisions: medium})
	m := medium.model("person")
	c := claimSwept(t, f)
	for no := range 3 {
		stageSwept(t, f, c, no, 10*no, 4)
	}
	down := errors.New("down")
	m.removed = func() error { return down }
	if err := f.Unit().Unstage(t.Context(), c); !errors.Is(err, down) {
		t.Fatalf("unstage: %v", err)
	}
	m.removed = nil
	for no := range 3 {
		stageSwept(t, f, c, no, 10*no, 4)
	}
	wantWhole(t, f, m, c, 12)
}

func TestUnstageForgetsEveryChunkOfAMedium(t *testing.T) {
	medium := &memoryMedium{}
	f := openSwept(t, Config{Revisions: medium})
	m := medium.model("person")
	c := claimSwept(t, f)
	for no := range 3 {
		stageSwept(t, f, c, no, 10*no, 4)
	}
	if err := f.Unit().Unstage(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	wantSize(t, m, 0, 0)
	if chunks, err := f.Ledger().Chunks(t.Context(), c.Job); len(chunks) != 0 || err != nil {
		t.Errorf("%d chunks are left, %v", len(chunks), err)
	}
}

// A job that is put back to the queue while it is dropped keeps what it has staged.
func TestDropOfAJobThatIsRetriedMeanwhile(t *testing.T) {
	medium := &memoryMedium{}
	f := openSwept(t, Config{Revisions: medium})
	m := medium.model("person")
	c := claimSwept(t, f)
	for no := range 3 {
		stageSwept(t, f, c, no, 10*no, 4)
	}
	endSwept(t, f, c)
	m.removed = func() error {
		m.removed = nil
		_, err := f.Ledger().Retry(t.Context(), c.Job)
		return err
	}
	if err := f.Ledger().Drop(t.Context(), c.Job); err == nil {
		t.Fatal("a job that was queued again is dropped")
	}
	_, c, err := f.Ledger().Claim(t.Context(), storage.Job{ID: c.Job, Kind: "load"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	chunks, err := f.Ledger().Chunks(t.Context(), c.Job)
	if err != nil || len(chunks) != 2 {
		t.Fatalf("%d chunks are left, %v", len(chunks), err)
	}
	stageSwept(t, f, c, 0, 0, 4)
	wantWhole(t, f, m, c, 12)
}

// A dropped job leaves nothing in the medium.
func TestDropRemovesStagedContents(t *testing.T) {
	medium := &memoryMedium{}
	f := openSwept(t, Config{Revisions: medium})
	c := claimSwept(t, f)
	stageSwept(t, f, c, 0, 0, 4)
	endSwept(t, f, c)
	if err := f.Ledger().Drop(t.Context(), c.Job); err != nil {
		t.Fatal(err)
	}
	wantSize(t, medium.model("person"), 0, 0)
	if _, err := f.Ledger().Get(t.Context(), c.Job); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("the job is there: %v", err)
	}
}

package sqlite

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// TestProbeSeesAFullDisk: reads go on working on one.
func TestProbeSeesAFullDisk(t *testing.T) {
	f := openModel(t, Config{})
	l := f.Ledger()
	if err := l.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The pages that the first probe left free are used up.
	if _, err := l.Insert(t.Context(), []storage.Job{storage.NewProbe(), storage.NewProbe()}); err != nil {
		t.Fatal(err)
	}
	pages := func(most string) {
		t.Helper()
		err := f.write.do(t.Context(), "limit", func(x *tx) error {
			_, err := x.w.conn.ExecContext(x.run, `PRAGMA max_page_count = `+most)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	pages("1") // no more than there are
	if _, err := l.Get(t.Context(), uuid.New()); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Get = %v", err)
	}
	if err := l.Probe(t.Context()); !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), "free space") {
		t.Errorf("Probe = %v, want storage.ErrUnavailable and the way out", err)
	}
	pages("1000000")
	if err := l.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
}

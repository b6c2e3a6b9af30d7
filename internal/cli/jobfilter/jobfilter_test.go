package jobfilter_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/cli/jobfilter"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

func TestValuesThatAreWrongAreNamed(t *testing.T) {
	l := memory.New().Ledger()
	for name, f := range map[string]jobfilter.Filter{
		jobfilter.State:  {States: []string{"dead", "alive"}},
		jobfilter.Kind:   {Kind: "dance"},
		jobfilter.Parent: {Parent: "x"},
		jobfilter.Since:  {Since: "yesterday"},
		jobfilter.Until:  {Until: "-1h"},
		jobfilter.Limit:  {Limit: -1},
		jobfilter.After:  {After: "nobody"},
	} {
		_, err := f.Parse(t.Context(), l)
		if bad, is := errors.AsType[*jobfilter.ValueError](err); !is || bad.Name != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParse(t *testing.T) {
	l := memory.New().Ledger()
	row := storage.Job{ID: uuid.New(), Text: "a", Kind: "save", State: storage.JobDone, Created: time.Unix(1700000000, 0).UTC()}
	if err := l.Settle(t.Context(), []storage.Job{row}); err != nil {
		t.Fatal(err)
	}
	parent := uuid.New()
	got, err := jobfilter.Filter{
		States: []string{"dead", "done"}, Kind: "save", Model: "m", Code: "c", Parent: parent.String(),
		Since: "2026-01-31T08:00:00Z", Until: "24h", After: "a", Limit: 3,
	}.Parse(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.States) != 2 || got.Kind != "save" || got.Model != "m" || got.Code != "c" || got.Parent != parent || got.Limit != 3 ||
		got.Since.Year() != 2026 || time.Since(got.Until).Round(time.Hour) != 24*time.Hour || got.After != (storage.JobCursor{Created: row.Created, ID: row.ID}) {
		t.Fatalf("%+v", got)
	}
}

func TestFind(t *testing.T) {
	f := memory.New()
	defer f.Close()
	text := uuid.NewString() // a job whose text is a UUID other than its key
	row := storage.Job{ID: jobs.ID(f.ID(), "other"), Text: text, Kind: "save", State: storage.JobDone, Created: time.Now()}
	if err := f.Ledger().Settle(t.Context(), []storage.Job{row}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{text, row.ID.String()} {
		if j, err := jobfilter.Find(t.Context(), f.Ledger(), id); err != nil || j.ID != row.ID {
			t.Errorf("Find(%s) = %v, %v", id, j.ID, err)
		}
	}
	if _, err := jobfilter.Find(t.Context(), f.Ledger(), "none"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Find(none) = %v", err)
	}
}

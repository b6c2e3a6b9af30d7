package postgres

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/storage"
)

// Rows of ended jobs come back as they were given, whatever columns are spared.
func TestCopiedJobs(t *testing.T) {
	f := openOf(t, pgtest.Database(t), false)
	at := endedAt
	whole := endedJob()
	whole.Text, whole.User, whole.Parent, whole.Queue = "a text", "u", uuid.New(), uuid.New()
	whole.Envelope, whole.EnvelopeHash, whole.Outcome = []byte("e"), []byte("h"), []byte("o")
	whole.Done, whole.Total, whole.ErrorCode, whole.ErrorMessage, whole.Cancel = 1, 2, "c", "m", true
	whole.Started, whole.LeaseUntil, whole.State = at, at.Add(time.Hour), storage.JobDead
	for name, list := range map[string][]storage.Job{
		"nothing but what each has": {endedJob(), endedJob()},
		"all":                       {whole},
		"some have more":            {endedJob(), {ID: uuid.New(), Text: "t", Kind: "k", State: storage.JobDone, Outcome: []byte("o"), Created: at, Finished: at}},
	} {
		endJobs(t, f, list...)
		for _, want := range list {
			want.LeaseUntil = time.Time{}
			if got, err := f.Ledger().Get(t.Context(), want.ID); err != nil || !cmp.Equal(got, want) {
				t.Errorf("%s: %v %s", name, err, cmp.Diff(want, got))
			}
		}
	}
	if names := newJobCopy(1, []storage.Job{endedJob(), endedJob()}).names(); strings.Count(names, ",") > 12 || slices.Contains(strings.Split(names, ", "), "outcome") {
		t.Errorf("the columns of plain rows are %s", names)
	}
}

var endedAt = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// endedJob is a job with nothing but what each has.
func endedJob() storage.Job {
	id := uuid.New()
	return storage.Job{
		ID: id, Text: id.String(), Kind: "save", Model: "m", Lane: "normal", State: storage.JobDone, Attempt: 1, Subject: "s",
		Created: endedAt, Finished: endedAt,
	}
}

// endJobs ends jobs that are new.
func endJobs(t *testing.T, f *Factory, list ...storage.Job) {
	t.Helper()
	b := storage.Batch{NewJobs: true}
	for _, j := range list {
		b.Jobs = append(b.Jobs, j.ID)
	}
	err := f.Unit().Update(t.Context(), b, func(storage.View) (storage.Writes, error) { return storage.Writes{Jobs: list}, nil })
	if err != nil {
		t.Fatalf("end jobs: %v", err)
	}
}

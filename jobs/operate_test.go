package jobs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// noLetters is a letterbox without letters.
type noLetters struct{ jobs.Letterbox }

func (noLetters) DiscardAll(context.Context, uuid.UUID) error { return nil }

func (b *bench) operator() jobs.Operator {
	return jobs.Operator{Ledger: b.factory.Ledger(), Letters: noLetters{}, Contents: b.Contents, By: "alice"}
}

// TestDropRemovesTheContentOfItsJob: but not one that was put anew meanwhile, nor one that
// another job may have.
func TestDropRemovesTheContentOfItsJob(t *testing.T) {
	for name, tc := range map[string]struct {
		id, text string
		contents func(jobs.BlobContents) jobs.Contents
		left     int
	}{
		"its own":          {"a", "a", func(c jobs.BlobContents) jobs.Contents { return c }, 0},
		"of another name":  {"a", "b", func(c jobs.BlobContents) jobs.Contents { return c }, 1},
		"of no name":       {"", "b", func(c jobs.BlobContents) jobs.Contents { return c }, 1},
		"submitted anew":   {"a", "a", func(c jobs.BlobContents) jobs.Contents { return putAnew{c} }, 1},
		"unreachable":      {"a", "a", func(c jobs.BlobContents) jobs.Contents { return unremovable{c} }, 1},
		"no place for any": {"a", "a", func(jobs.BlobContents) jobs.Contents { return nil }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b, c, blobs := withContents(t)
			e := large("x")
			e.ID = tc.id
			d := checked(t, c, e)
			row := storage.Job{
				ID: jobs.ID(b.factory.ID(), tc.text), Text: tc.text, Kind: "save", State: storage.JobCancelled, Envelope: d.Body,
			}
			if err := b.factory.Ledger().Settle(t.Context(), []storage.Job{row}); err != nil {
				t.Fatal(err)
			}
			o := b.operator()
			o.Contents = tc.contents(c)
			if _, err := o.Drop(t.Context(), row.ID); err != nil {
				t.Fatal(err)
			}
			if _, err := b.factory.Ledger().Get(t.Context(), row.ID); !errors.Is(err, storage.ErrNotFound) {
				t.Fatal(err)
			}
			if n := left(t, blobs); n != tc.left {
				t.Fatalf("%d contents are left", n)
			}
		})
	}
}

// TestDropThatIsRefusedLeavesTheContent: the job has not ended.
func TestDropThatIsRefusedLeavesTheContent(t *testing.T) {
	b, c, blobs := withContents(t)
	d := checked(t, c, large("a"))
	row := storage.Job{ID: jobs.ID(b.factory.ID(), "job-a"), Text: "job-a", Kind: "save", State: storage.JobQueued, Envelope: d.Body}
	if _, err := b.factory.Ledger().Insert(t.Context(), []storage.Job{row}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.operator().Drop(t.Context(), row.ID); !errors.Is(err, storage.ErrNotEnded) {
		t.Fatal(err)
	}
	if n := left(t, blobs); n != 1 {
		t.Fatalf("%d contents are left", n)
	}
}

// putAnew puts a content again just before it would be removed, as who submits the job
// once more does.
type putAnew struct{ jobs.BlobContents }

func (c putAnew) DeleteOld(ctx context.Context, id string, before time.Time) error {
	if _, err := c.Blobs.Touch(ctx, id); err != nil {
		return err
	}
	return c.BlobContents.DeleteOld(ctx, id, before)
}

type unremovable struct{ jobs.BlobContents }

func (unremovable) DeleteOld(context.Context, string, time.Time) error { return storage.ErrUnavailable }

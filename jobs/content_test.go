package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// large returns a save whose message goes by claim check.
func large(id string) jobs.Envelope {
	data := fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("much ", jobs.ContentBytes/4))
	e := jobs.NewSave("m", "alice", manager.Operation{Op: manager.OpCreate, ResourceID: resource.ID(id), Data: data})
	e.ID = "job-" + id
	return e
}

// withContents gives a bench a place for contents.
func withContents(t *testing.T) (*bench, jobs.BlobContents, storage.BlobStore) {
	t.Helper()
	b := newBench()
	blobs, err := storage.BuildBlobStore(t.Context(), memory.New())
	if err != nil {
		t.Fatal(err)
	}
	c := jobs.BlobContents{Blobs: blobs}
	cfg := b.Config
	cfg.Contents = c
	b.Executor = jobs.NewExecutor(cfg)
	return b, c, blobs
}

// checked returns the delivery of a job whose content was put.
func checked(t *testing.T, c jobs.Contents, e jobs.Envelope) jobs.Delivery {
	t.Helper()
	message, content, err := e.Pack()
	if err != nil || content == nil || len(message) > 1024 {
		t.Fatalf("a message of %d bytes refers to %d (%v)", len(message), len(content), err)
	}
	if err := validate(schema(t), message); err != nil {
		t.Fatal(err)
	}
	if err := c.Put(t.Context(), content); err != nil {
		t.Fatal(err)
	}
	return jobs.Delivery{MessageID: e.ID, Number: 1, Body: message}
}

func left(t *testing.T, blobs storage.BlobStore) (n int) {
	t.Helper()
	for _, err := range blobs.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func TestSmallMessagesAreTheirContent(t *testing.T) {
	e := jobs.NewBackfill("alice")
	message, content, err := e.Pack()
	encoded, _ := e.Encode()
	if err != nil || content != nil || !bytes.Equal(message, encoded) {
		t.Fatalf("%s refers to %d bytes (%v)", message, len(content), err)
	}
}

func TestContentIsFetchedAndGoesWithItsJob(t *testing.T) {
	b, c, blobs := withContents(t)
	binary := large("b")
	binary.Form = jobs.FormBinary
	first, second := checked(t, c, large("a")), checked(t, c, binary)
	if n := left(t, blobs); n != 2 {
		t.Fatalf("%d contents", n)
	}
	vs := b.expect(t, []string{"ack", "ack", "ack", "ack"}, save("x", 1), first, second, save("y", 1))
	for _, v := range vs {
		if v.State != storage.JobDone || v.Refused > 0 {
			t.Fatalf("%+v", v)
		}
	}
	if got := fmt.Sprint(b.batches); got != "[[x] [a] [b] [y]]" {
		t.Fatalf("batches %s", got)
	}
	if n := left(t, blobs); n != 0 {
		t.Fatalf("%d contents are left", n)
	}
	// What is done is found done, though its content is gone.
	again := first
	again.Number = 2
	for _, d := range []jobs.Delivery{first, again} {
		if v := b.expect(t, []string{"ack"}, d)[0]; !v.Repeated || v.State != storage.JobDone {
			t.Fatalf("%+v", v)
		}
	}
}

// TestAContentThatJobsShareStays: equal messages without an id of their own have one
// content, and the first that is done must not take it from the others.
func TestAContentThatJobsShareStays(t *testing.T) {
	b, c, blobs := withContents(t)
	e := large("a")
	e.ID = ""
	first := checked(t, c, e)
	second := checked(t, c, e)
	first.MessageID, second.MessageID = "one", "two"
	if v := b.expect(t, []string{"ack"}, first)[0]; v.State != storage.JobDone {
		t.Fatalf("%+v", v)
	}
	if v := b.expect(t, []string{"ack"}, second)[0]; v.State != storage.JobRefused || v.Code != string(manager.CodeExists) {
		t.Fatalf("the second one creates what the first one has created: %+v", v)
	}
	if n := left(t, blobs); n != 1 {
		t.Fatalf("%d contents are left", n)
	}
}

// TestAContentOfAnotherJobIsRefused: it would be gone when that one is done.
func TestAContentOfAnotherJobIsRefused(t *testing.T) {
	b, c, blobs := withContents(t)
	d := checked(t, c, large("a"))
	d.MessageID = "another"
	if v := b.expect(t, []string{"bury"}, d)[0]; v.Code != jobs.CodeEnvelope || !strings.Contains(v.Err.Error(), `"job-a"`) {
		t.Fatalf("%+v", v)
	}
	d.Job = "job-a:0123" // one that was given an id of its own, tried again by hand
	if v := b.expect(t, []string{"ack"}, d)[0]; v.State != storage.JobDone || left(t, blobs) != 1 {
		t.Fatalf("%+v, %d contents are left", v, left(t, blobs))
	}
}

func TestContentOfALongJob(t *testing.T) {
	b, c, blobs := withContents(t)
	var loaded int
	b.load = func(context.Context, func(storage.Progress)) error { loaded++; return nil }
	models := make([]string, jobs.MaxModels)
	for i := range models {
		models[i] = strings.Repeat("m", 300) + fmt.Sprint(i)
	}
	e := jobs.NewLoad("alice", jobs.Load{Source: "upload:x", Models: models})
	d := checked(t, c, e)
	b.expect(t, []string{"ack"}, d)
	if loaded != 1 || left(t, blobs) != 0 {
		t.Fatalf("loaded %d times, %d contents are left", loaded, left(t, blobs))
	}
}

func TestContentThatCannotBeUsed(t *testing.T) {
	other, otherContent, err := large("other").Pack()
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		code   string
		change func(t *testing.T, blobs storage.BlobStore, d *jobs.Delivery)
	}{
		"missing": {jobs.CodeContentMissing, func(t *testing.T, blobs storage.BlobStore, _ *jobs.Delivery) {
			remove(t, blobs)
		}},
		"altered": {jobs.CodeContentAltered, func(t *testing.T, blobs storage.BlobStore, d *jobs.Delivery) {
			id, content := remove(t, blobs)
			put(t, blobs, id, content, func(b []byte) []byte { b[100] ^= 1; return b })
		}},
		"cut": {jobs.CodeContentAltered, func(t *testing.T, blobs storage.BlobStore, d *jobs.Delivery) {
			id, content := remove(t, blobs)
			put(t, blobs, id, content, func(b []byte) []byte { return b[:len(b)-1] })
		}},
		"longer": {jobs.CodeContentAltered, func(t *testing.T, blobs storage.BlobStore, d *jobs.Delivery) {
			id, content := remove(t, blobs)
			put(t, blobs, id, content, func(b []byte) []byte { return append(b, ' ') })
		}},
		"of another job": {jobs.CodeContentAltered, func(t *testing.T, blobs storage.BlobStore, d *jobs.Delivery) {
			d.Body = bytes.Replace(other, []byte("job-other"), []byte("job-a"), 1)
			if err := (jobs.BlobContents{Blobs: blobs}).Put(t.Context(), otherContent); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b, c, blobs := withContents(t)
			d := checked(t, c, large("a"))
			tc.change(t, blobs, &d)
			vs := b.expect(t, []string{"ack", "bury", "ack"}, save("x", 1), d, save("y", 1))
			if vs[1].Code != tc.code || vs[1].State != storage.JobDead {
				t.Fatalf("%+v", vs[1])
			}
			if row := b.row(t, "job-a"); row.ErrorCode != tc.code || !bytes.Equal(row.Envelope, d.Body) {
				t.Fatalf("%+v", row)
			}
		})
	}
}

// remove takes the one content away and returns it.
func remove(t *testing.T, blobs storage.BlobStore) (id string, content []byte) {
	t.Helper()
	for info, err := range blobs.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if content, err = (jobs.BlobContents{Blobs: blobs}).Get(t.Context(), info.FileID, info.Size); err != nil {
			t.Fatal(err)
		}
		if err := blobs.Delete(t.Context(), info.FileID); err != nil {
			t.Fatal(err)
		}
		id = info.FileID
	}
	return id, content
}

// put puts what change makes of a content under its id.
func put(t *testing.T, blobs storage.BlobStore, id string, content []byte, change func([]byte) []byte) {
	t.Helper()
	content = change(slices.Clone(content))
	if _, err := blobs.Put(t.Context(), bytes.NewReader(content), storage.PutOptions{Key: id}); err != nil {
		t.Fatal(err)
	}
}

// TestContentsThatAreDown: an outage of the blobs is no fault of the job.
func TestContentsThatAreDown(t *testing.T) {
	b, c, _ := withContents(t)
	d := checked(t, c, large("a"))
	cfg := b.Config
	cfg.Contents = silent{c}
	down := jobs.NewExecutor(cfg)
	if vs := down.Execute(t.Context(), []jobs.Delivery{d}); vs[0].Action != jobs.ActionPause {
		t.Fatalf("%+v", vs[0])
	}
	b.expect(t, []string{"ack"}, d)
}

type silent struct{ jobs.Contents }

func (silent) Get(context.Context, string, int64) ([]byte, error) {
	return nil, fmt.Errorf("get: %w", storage.ErrUnavailable)
}

// TestFailedSaveKeepsItsContent: it is tried again, also by hand when it is dead.
func TestFailedSaveKeepsItsContent(t *testing.T) {
	b, c, blobs := withContents(t)
	d := checked(t, c, large("a"))
	b.fault = func([]string) error { return errors.New("no") }
	b.expect(t, []string{"retry"}, d)
	b.fault = nil
	if n := left(t, blobs); n != 1 {
		t.Fatalf("%d contents are left", n)
	}
	d.Number = 2
	b.expect(t, []string{"ack"}, d)
}

func TestTooMuchContentIsRefused(t *testing.T) {
	e := jobs.NewSave("m", "alice", manager.Operation{Op: manager.OpCreate, ResourceID: "a", Payload: make([]byte, jobs.MaxContentBytes)})
	if _, _, err := e.Pack(); err == nil {
		t.Fatal("it was taken")
	}
}

func TestReferencesOfContents(t *testing.T) {
	_, c, _ := withContents(t)
	d := checked(t, c, large("a"))
	var marked []string
	mark := func(b []byte) { marked = append(marked, string(b)) }
	if err := jobs.References(t.Context(), d.Body, nil, c, mark); err != nil {
		t.Fatal(err)
	}
	e, err := jobs.Decode(d.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(marked, e.Args.(jobs.Content).Blob) || !slices.ContainsFunc(marked, func(s string) bool { return strings.Contains(s, "much much") }) {
		t.Fatalf("%d marks", len(marked))
	}
}

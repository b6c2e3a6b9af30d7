package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

func (w *world) downloads() consumer.Downloads {
	w.t.Helper()
	d, err := consumer.NewDownloads(consumer.NewLine(w.nc, nil), w.queue)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// write begins an archive and writes content to it.
func write(t *testing.T, d consumer.Downloads, job uuid.UUID, content []byte) (f jobs.TargetFile, object string) {
	t.Helper()
	f, err := d.Create(t.Context(), jobs.TargetDownload, job, uuid.New())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := f.Write(content); n != len(content) || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	return f, f.(interface{ Object() string }).Object()
}

func TestADownloadIsThereAsAWholeOrNotAtAll(t *testing.T) {
	w := newWorld(t, memory.New())
	d := w.downloads()
	for _, content := range [][]byte{noise(3<<20 + 17), {}} {
		f, object := write(t, d, uuid.New(), content)
		if there, err := d.Exists(t.Context(), object); there || err != nil {
			t.Errorf("before the end: %v, %v", there, err)
		}
		if err := f.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		r, size, err := d.Open(t.Context(), object)
		if err != nil || size != int64(len(content)) {
			t.Fatalf("%d bytes, %v", size, err)
		}
		got, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	f, object := write(t, d, uuid.New(), noise(3<<20))
	if err := f.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Open(t.Context(), object); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("what was given up: %v", err)
	}
	js := w.js(w.nc)
	s, err := js.Stream(t.Context(), "OBJ_SPECSTAR_"+w.queue.Namespace+"_"+consumer.DumpsBucket)
	if err != nil {
		t.Fatal(err)
	}
	before := s.CachedInfo().State.Msgs
	if err := d.Sweep(t.Context(), func(string, time.Time) (bool, error) { return false, nil }); err != nil {
		t.Fatal(err)
	}
	if info, err := s.Info(t.Context()); err != nil || info.State.Msgs != 0 || before == 0 {
		t.Errorf("of %d messages %d are left, %v", before, info.State.Msgs, err)
	}
}

// A job that is cancelled while it writes is not held up, and leaves nothing.
func TestADownloadEndsWithItsContext(t *testing.T) {
	w := newWorld(t, memory.New())
	d := w.downloads()
	ctx, cancel := context.WithCancel(t.Context())
	f, err := d.Create(ctx, jobs.TargetDownload, uuid.New(), uuid.New())
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	for err == nil {
		_, err = f.Write(noise(1 << 20))
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("writing ends with %v", err)
	}
	if err := f.Discard(t.Context()); err != nil {
		t.Error(err)
	}
	if there, err := d.Exists(t.Context(), f.(interface{ Object() string }).Object()); there || err != nil {
		t.Errorf("%v, %v", there, err)
	}
}

// Where no bucket is to be made the job is refused, and not tried again and again.
func TestADownloadWithoutABucketIsRefused(t *testing.T) {
	w := newWorld(t, memory.New())
	w.queue.Create = false
	_, err := w.downloads().Create(t.Context(), jobs.TargetDownload, uuid.New(), uuid.New())
	if code(err) != jobs.CodeTargetNotFound {
		t.Errorf("%v", err)
	}
	if err := consumer.Provision(t.Context(), w.js(w.nc), w.queue); err != nil {
		t.Fatal(err)
	}
	f, _ := write(t, w.downloads(), uuid.New(), []byte("x"))
	if err := f.Commit(t.Context()); err != nil {
		t.Error(err)
	}
}

// Attempts at one job do not disturb each other.
func TestEachAttemptHasADownloadOfItsOwn(t *testing.T) {
	w := newWorld(t, memory.New())
	d, job := w.downloads(), uuid.New()
	first, a := write(t, d, job, []byte("first"))
	second, b := write(t, d, job, []byte("second"))
	if a == b || !strings.HasPrefix(a, job.String()) || !strings.HasPrefix(b, job.String()) {
		t.Fatalf("%s and %s", a, b)
	}
	if err := errors.Join(second.Commit(t.Context()), first.Discard(t.Context())); err != nil {
		t.Fatal(err)
	}
	if there, err := d.Exists(t.Context(), b); !there || err != nil {
		t.Errorf("%v, %v", there, err)
	}
}

package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

func (w *world) objects() *consumer.Objects {
	w.t.Helper()
	o, err := consumer.NewObjects(consumer.NewLine(w.nc, nil), w.queue, consumer.Uploads)
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

// noise is content that no program compresses.
func noise(n int) []byte {
	b, r := make([]byte, n), rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func code(err error) string {
	if e, ok := errors.AsType[*jobs.RefusedError](err); ok {
		return e.Code
	}
	return ""
}

func TestObjectsAreReadAsTheyWerePut(t *testing.T) {
	w := newWorld(t, memory.New())
	o := w.objects()
	for name, content := range map[string][]byte{"a.acbak": noise(3<<20 + 17), "empty": {}} {
		if there, err := o.Exists(t.Context(), name); err != nil || there {
			t.Fatalf("Exists = %v, %v", there, err)
		}
		size, digest, err := o.Put(t.Context(), name, bytes.NewReader(content))
		if err != nil || size != int64(len(content)) {
			t.Fatalf("Put = %d, %v", size, err)
		}
		l, err := o.Pins(t.Context(), jobs.Load{Source: "object:" + name})
		if got, _ := l.Size.Get(); err != nil || got != size || l.ETag != digest {
			t.Fatalf("Pins = %+v, %v", l, err)
		}
		r, err := o.Find(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestObjectsThatAreRefused(t *testing.T) {
	w := newWorld(t, memory.New())
	o := w.objects()
	l := jobs.Load{Source: "object:a"}
	if _, err := o.Find(t.Context(), l); code(err) != jobs.CodeSourceNotFound {
		t.Errorf("without a bucket: %v", err)
	}
	if err := o.Remove(t.Context(), "a"); err != nil {
		t.Errorf("Remove of nothing = %v", err)
	}
	put := func(content string) {
		if _, _, err := o.Put(t.Context(), "a", bytes.NewReader([]byte(content))); err != nil {
			t.Fatal(err)
		}
	}
	put("one")
	pinned, err := o.Pins(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	put("two")
	if _, err := o.Find(t.Context(), pinned); code(err) != jobs.CodeSourceChanged {
		t.Errorf("another content: %v", err)
	}
	longer := jobs.Load{Source: "object:a", Size: opt.Of(int64(4))}
	if _, err := o.Pins(t.Context(), longer); code(err) != jobs.CodeSourceChanged {
		t.Errorf("another length: %v", err)
	}
	if err := o.Remove(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Find(t.Context(), l); code(err) != jobs.CodeSourceNotFound {
		t.Errorf("removed: %v", err)
	}
	// Nothing is left of it in the stream.
	s, err := w.js(w.nc).Stream(t.Context(), "OBJ_SPECSTAR_test_UPLOADS")
	if err != nil || s.CachedInfo().State.Msgs != 0 {
		t.Errorf("%d messages are left, %v", s.CachedInfo().State.Msgs, err)
	}
}

func TestObjectsOfAnotherStoreAreLeftAlone(t *testing.T) {
	w := newWorld(t, memory.New())
	if _, _, err := w.objects().Put(t.Context(), "a", bytes.NewReader(nil)); err != nil {
		t.Fatal(err)
	}
	w.queue.Store = memory.New().ID()
	if _, err := w.objects().Exists(t.Context(), "a"); !errors.Is(err, consumer.ErrOtherStore) {
		t.Errorf("Exists = %v", err)
	}
	w.queue.Namespace, w.queue.Create = "other", false
	if _, _, err := w.objects().Put(t.Context(), "a", bytes.NewReader(nil)); !errors.Is(err, consumer.ErrNotMade) {
		t.Errorf("Put = %v", err)
	}
}

func TestTheSweepOfObjects(t *testing.T) {
	w := newWorld(t, memory.New())
	o := w.objects()
	for _, name := range []string{"kept", "spent"} {
		if _, _, err := o.Put(t.Context(), name, bytes.NewReader(noise(200_000))); err != nil {
			t.Fatal(err)
		}
	}
	// A part of an upload that is under way, and so is not old.
	if _, err := w.js(w.nc).Publish(t.Context(), "$O.SPECSTAR_test_UPLOADS.C.someone", []byte("part")); err != nil {
		t.Fatal(err)
	}
	needed := func(name string, put time.Time) (bool, error) {
		if put.IsZero() {
			t.Errorf("%s was never put", name)
		}
		return name == "kept", nil
	}
	if n, err := o.Unneeded(t.Context(), needed); err != nil || n != (storage.Tally{Count: 1, Bytes: 200_000}) {
		t.Errorf("Unneeded = %+v, %v", n, err)
	}
	if err := o.Sweep(t.Context(), needed); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"kept": true, "spent": false} {
		if got, err := o.Exists(t.Context(), name); err != nil || got != want {
			t.Errorf("%s is there: %v, %v", name, got, err)
		}
	}
	s, err := w.js(w.nc).Stream(t.Context(), "OBJ_SPECSTAR_test_UPLOADS")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetLastMsgForSubject(t.Context(), "$O.SPECSTAR_test_UPLOADS.C.someone"); err != nil {
		t.Errorf("the part of an upload that is under way: %v", err)
	}
}

// TestReadingAnObjectEnds: with its context, and with what is damaged.
func TestReadingAnObjectEnds(t *testing.T) {
	w := newWorld(t, memory.New())
	o := w.objects()
	if _, _, err := o.Put(t.Context(), "a", bytes.NewReader(noise(300_000))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, _, err := o.Open(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) {
		t.Errorf("reading ends with %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	// Parts that are exchanged are found by the digest.
	bucket, err := w.js(w.nc).ObjectStore(t.Context(), "SPECSTAR_test_UPLOADS")
	if err != nil {
		t.Fatal(err)
	}
	info, err := bucket.GetInfo(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.js(w.nc).Stream(t.Context(), "OBJ_SPECSTAR_test_UPLOADS")
	if err != nil {
		t.Fatal(err)
	}
	parts := "$O.SPECSTAR_test_UPLOADS.C." + info.NUID
	err = s.Purge(t.Context(), jetstream.WithPurgeSubject(parts))
	for range 2 {
		if err == nil {
			_, err = w.js(w.nc).Publish(t.Context(), parts, make([]byte, 150_000))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if r, _, err = o.Open(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n, err := io.Copy(io.Discard, r); err == nil || n != 300_000 {
		t.Errorf("damaged content: %d bytes, %v", n, err)
	}
}

package postgres

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/storage"
)

func TestBlobRemovedWhileItIsRead(t *testing.T) {
	_, b := openBlobs(t, Config{})
	want := noise(3 * partSize)
	for what, remove := range map[string]func(id string) error{
		"deleted": func(id string) error { return b.Delete(t.Context(), id) },
		"replaced": func(id string) error {
			_, err := b.Put(t.Context(), bytes.NewReader(noise(4*partSize)), storage.PutOptions{Key: id})
			return err
		},
	} {
		put(t, b, want, storage.PutOptions{Key: what})
		r, _, err := b.Open(t.Context(), what)
		if err != nil {
			t.Fatal(err)
		}
		if err := remove(what); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if !errors.Is(err, storage.ErrNotFound) || !bytes.Equal(got, want[:len(got)]) {
			t.Errorf("%s: %d bytes were read and then %v", what, len(got), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if _, err := r.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("%s: a closed reader gives %v", what, err)
		}
	}
}

// A reader that blocks holds no connection, and so no transaction.
func TestSlowReaderHoldsNoTransaction(t *testing.T) {
	f, b := openBlobs(t, Config{Connections: 2})
	slow, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := b.Put(t.Context(), slow, storage.PutOptions{Key: "slow"})
		done <- err
	}()
	if _, err := w.Write(noise(2 * partSize)); err != nil {
		t.Fatal(err)
	}
	if n := f.pool.Stat().AcquiredConns(); n != 0 {
		t.Errorf("%d connections are in use while the content is read", n)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := contentOf(t, b, "slow"); !bytes.Equal(got, noise(2*partSize)) {
		t.Errorf("%d bytes are read", len(got))
	}
}

func TestBlobsOpenedForReading(t *testing.T) {
	f, b := openBlobs(t, Config{})
	info := put(t, b, []byte("x"), storage.PutOptions{})
	_, r := openBlobs(t, Config{DSN: f.pool.Config().ConnString(), ReadOnly: true})
	if got := contentOf(t, r, info.FileID); string(got) != "x" {
		t.Errorf("the content is %q", got)
	}
	if found, err := r.Sweep(t.Context(), time.Now(), false); err != nil || found.Count != 0 {
		t.Errorf("sweep: %+v, %v", found, err)
	}
	_, putErr := r.Put(t.Context(), strings.NewReader("y"), storage.PutOptions{})
	_, touchErr := r.Touch(t.Context(), info.FileID)
	_, oldErr := r.DeleteOld(t.Context(), []string{info.FileID}, time.Now().Add(time.Hour))
	_, sweepErr := r.Sweep(t.Context(), time.Now(), true)
	for what, err := range map[string]error{
		"put": putErr, "touch": touchErr, "delete old": oldErr, "sweep": sweepErr, "delete": r.Delete(t.Context(), info.FileID), "delete no id": r.Delete(t.Context(), ""),
	} {
		if !errors.Is(err, errReadOnly) {
			t.Errorf("%s: %v, want %v", what, err, errReadOnly)
		}
	}
	if got := contentOf(t, b, info.FileID); string(got) != "x" {
		t.Errorf("the content is %q", got)
	}
}

// A database in which only the original has written has no blobs.
func TestForeignStoreHasNoBlobs(t *testing.T) {
	dsn := pgtest.Database(t)
	f, _ := openBlobs(t, Config{DSN: dsn})
	declare(t, f)
	sql(t, f, `DROP TABLE specstar_store, specstar_models, specstar_model_blobs, specstar_jobs, specstar_chunks, specstar_garbage, specstar_audit, specstar_plans, specstar_blobs, specstar_blob_parts, specstar_schema`)
	r, b := openBlobs(t, Config{DSN: dsn, ReadOnly: true})
	if !r.foreign() {
		t.Fatal("the store is not foreign")
	}
	for info, err := range b.List(t.Context()) {
		t.Errorf("lists %+v, %v", info, err)
	}
	for old, err := range b.Old(t.Context(), time.Now()) {
		t.Errorf("lists %+v, %v", old, err)
	}
	_, _, err := b.Open(t.Context(), "x")
	if _, statErr := b.Stat(t.Context(), "x"); !errors.Is(err, storage.ErrNotFound) || !errors.Is(statErr, storage.ErrNotFound) {
		t.Errorf("open: %v, stat: %v", err, statErr)
	}
	if found, err := b.Sweep(t.Context(), time.Now(), false); err != nil || found.Count != 0 {
		t.Errorf("sweep: %+v, %v", found, err)
	}
}

package postgres

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

func TestSweepOfBlobsRemovesLostContents(t *testing.T) {
	f, b := openBlobs(t, Config{})
	other, more := openBlobs(t, Config{DSN: f.pool.Config().ConnString(), TablePrefix: "x_"})
	want := noise(2 * partSize)
	info := put(t, b, want, storage.PutOptions{})
	put(t, more, want, storage.PutOptions{})
	for range sweepBatch + 10 {
		sql(t, f, `INSERT INTO specstar_blob_parts (store, content, no, data) VALUES ($1, $2, 0, 'abc'), ($1, $2, 1, 'de')`, f.identity.number, uuid.New())
	}
	sql(t, f, `INSERT INTO specstar_blob_parts (store, content, no, data, made) VALUES ($1, $2, 0, 'abc', now() + '1 h')`, f.identity.number, uuid.New())
	for _, tc := range []struct {
		b      storage.BlobStore
		before time.Duration
		remove bool
		want   int64
	}{
		{b, -time.Minute, true, 0},
		{more, time.Minute, true, 0},
		{b, time.Minute, false, sweepBatch + 10},
		{b, time.Minute, true, sweepBatch + 10},
		{b, time.Minute, true, 0},
		{b, 2 * time.Hour, true, 1},
	} {
		found, err := tc.b.Sweep(t.Context(), time.Now().Add(tc.before), tc.remove)
		if err != nil || found.Count != tc.want || tc.want > 1 && found.Bytes != 5*tc.want {
			t.Errorf("%+v: found %+v (%v)", tc, found, err)
		}
	}
	if got := contentOf(t, b, info.FileID); !bytes.Equal(got, want) {
		t.Error("a content was swept that a blob has")
	}
	if n := number(t, other, contentCount); n != 2 {
		t.Errorf("%d contents are left, want those of both stores", n)
	}
}

func TestStoresHaveBlobsOfTheirOwn(t *testing.T) {
	f, b := openBlobs(t, Config{})
	_, other := openBlobs(t, Config{DSN: f.pool.Config().ConnString(), TablePrefix: "x_"})
	info := put(t, b, []byte("x"), storage.PutOptions{})
	if _, err := other.Stat(t.Context(), info.FileID); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("the other store has it: %v", err)
	}
	put(t, other, []byte("x"), storage.PutOptions{})
	if gone, err := other.DeleteOld(t.Context(), []string{info.FileID}, time.Now().Add(time.Hour)); err != nil || !gone[0] {
		t.Errorf("delete: %v, %v", gone, err)
	}
	if got := contentOf(t, b, info.FileID); string(got) != "x" {
		t.Errorf("the content is %q", got)
	}
}

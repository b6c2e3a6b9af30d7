package check

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func blobChecks() []check {
	return []check{
		{"G18/blob_is_addressed_by_content", blobIsAddressed},
		{"G18/blob_stays_as_first_put", blobStaysAsFirstPut},
		{"G18/blob_may_have_a_key", blobHasKey},
		{"G20/unset_content_type_is_not_empty", unsetContentType},
		{"G18/keys_are_apart", blobKeysAreApart},
		{"G18/blob_is_complete_or_not_there", blobIsComplete},
		{"G5/blobs_come_by_id", blobsComeByID},
		{"G8/absent_blob_is_not_found", absentBlob},
	}
}

// withBlobs calls fn with the blob store of s, if it has one.
func (s *subject) withBlobs(t T, fn func(b storage.BlobStore)) {
	t.Helper()
	b, err := storage.BuildBlobStore(t.Context(), s.Factory)
	if errors.Is(err, errors.ErrUnsupported) {
		return
	}
	ok(t, "build the blob store", err)
	fn(b)
}

// failingReader is a source that breaks.
type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// readBlob returns a blob's content.
func readBlob(t T, b storage.BlobStore, id string) []byte {
	t.Helper()
	rc, info, err := b.Open(t.Context(), id)
	ok(t, "open blob", err)
	data, err := io.ReadAll(rc)
	ok(t, "read blob", err)
	ok(t, "close blob", rc.Close())
	equal(t, "size of the opened blob", info.Size, int64(len(data)))
	return data
}

func blobIsAddressed(t T, s *subject) {
	s.withBlobs(t, func(b storage.BlobStore) {
		for _, content := range []string{"", "abc", strings.Repeat("0123456789abcdef", 1<<16)} {
			info, err := b.Put(t.Context(), strings.NewReader(content), storage.PutOptions{ContentType: opt.Of("text/plain")})
			ok(t, "put", err)
			want := storage.BlobInfo{FileID: resource.ContentHash([]byte(content)), Size: int64(len(content)), ContentType: opt.Of("text/plain")}
			equal(t, "description", info, want)
			stat, err := b.Stat(t.Context(), info.FileID)
			ok(t, "stat", err)
			equal(t, "description read", stat, want)
			if string(readBlob(t, b, info.FileID)) != content {
				t.Fatalf("the content of a blob of %d bytes changed", len(content))
			}
		}
	})
}

func blobStaysAsFirstPut(t T, s *subject) {
	s.withBlobs(t, func(b storage.BlobStore) {
		first, err := b.Put(t.Context(), strings.NewReader("x"), storage.PutOptions{ContentType: opt.Of("")})
		ok(t, "put", err)
		equal(t, "an empty content type", first.ContentType, opt.Value[string]{})
		again, err := b.Put(t.Context(), strings.NewReader("x"), storage.PutOptions{ContentType: opt.Of("image/png")})
		ok(t, "put again", err)
		equal(t, "description", again, first)
		equal(t, "number of blobs", len(collect(t, "list", b.List(t.Context()))), 1)
	})
}

func blobHasKey(t T, s *subject) {
	s.withBlobs(t, func(b storage.BlobStore) {
		info, err := b.Put(t.Context(), strings.NewReader("data"), storage.PutOptions{Key: "my-key.1"})
		ok(t, "put", err)
		equal(t, "id", info.FileID, "my-key.1")
		equal(t, "content", string(readBlob(t, b, "my-key.1")), "data")
	})
}

// blobKeysAreApart puts blobs whose keys a medium might mix up. It may refuse a
// key, but not give one blob for another.
func blobKeysAreApart(t T, s *subject) {
	s.withBlobs(t, func(b storage.BlobStore) {
		_, err := b.Put(t.Context(), strings.NewReader("first"), storage.PutOptions{Key: "a_b"})
		ok(t, "put", err)
		for _, key := range []string{"a/b", "a..b", "a_b.blobmeta", "../a_b", "a\\b", "_sessions", ".", strings.Repeat("k", 300)} {
			_, err := b.Stat(t.Context(), key)
			wantErr(t, "stat of "+key, err, storage.ErrNotFound)
			_, err = b.Put(t.Context(), strings.NewReader("other "+key), storage.PutOptions{Key: key})
			if err != nil {
				wantErr(t, "put of "+key, err, storage.ErrUnusableName)
				_, _, err = b.Open(t.Context(), key)
				wantErr(t, "open of "+key, err, storage.ErrNotFound)
				ok(t, "delete of "+key, b.Delete(t.Context(), key))
				continue
			}
			equal(t, "content of "+key, string(readBlob(t, b, key)), "other "+key)
		}
		equal(t, "content of the first", string(readBlob(t, b, "a_b")), "first")
	})
}

func blobIsComplete(t T, s *subject) {
	s.withBlobs(t, func(b storage.BlobStore) {
		broken := errors.New("the source broke")
		_, err := b.Put(t.Context(), io.MultiReader(strings.NewReader("half"), failingReader{broken}), storage.PutOptions{Key: "k"})
		wantErr(t, "put of a broken source", err, broken)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = b.Put(ctx, bytes.NewReader([]byte("late")), storage.PutOptions{})
		wantErr(t, "put with a cancelled context", err, context.Canceled)
		equal(t, "number of blobs", len(collect(t, "list", b.List(t.Context()))), 0)
		_, err = b.Stat(t.Context(), "k")
		wantErr(t, "stat of half a blob", err, storage.ErrNotFound)
	})
}

func blobsComeByID(t T, s *subject) {
	s.withBlobs(t, func(b storage.BlobStore) {
		for _, key := range []string{"b", "a", "ab", "B"} {
			_, err := b.Put(t.Context(), strings.NewReader(key), storage.PutOptions{Key: key})
			ok(t, "put", err)
		}
		var ids []string
		for _, info := range collect(t, "list", b.List(t.Context())) {
			ids = append(ids, info.FileID)
			equal(t, "size", info.Size, int64(len(info.FileID)))
		}
		equal(t, "ids", ids, []string{"B", "a", "ab", "b"})
	})
}

func absentBlob(t T, s *subject) {
	s.withBlobs(t, func(b storage.BlobStore) {
		_, _, err := b.Open(t.Context(), "nothing")
		wantErr(t, "open of an absent blob", err, storage.ErrNotFound)
		_, err = b.Stat(t.Context(), "nothing")
		wantErr(t, "stat of an absent blob", err, storage.ErrNotFound)
		ok(t, "delete of an absent blob", b.Delete(t.Context(), "nothing"))
		info, err := b.Put(t.Context(), strings.NewReader("x"), storage.PutOptions{})
		ok(t, "put", err)
		ok(t, "delete", b.Delete(t.Context(), info.FileID))
		_, err = b.Stat(t.Context(), info.FileID)
		wantErr(t, "stat of a deleted blob", err, storage.ErrNotFound)
	})
}

package s3

import (
	"bytes"
	"errors"
	"testing"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/spool"
)

// An upload that somebody took away before it was complete is not taken for one that
// is: under a key of its own the blob that was there before would be shown for it.
func TestAnUploadThatWasTakenAwayIsNotComplete(t *testing.T) {
	s, _ := newStore(t)
	c, err := spool.Read(t.Context(), bytes.NewReader(make([]byte, smallBlob+1)), smallBlob, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	o := object{key: s.blobs.dir + "key"}
	id, err := s.beginUpload(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := s.uploadParts(t.Context(), o.key, id, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.abortUpload(t.Context(), o.key, id); err != nil {
		t.Fatal(err)
	}
	if err := s.completeUpload(t.Context(), o, id, parts); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("the upload is completed with %v", err)
	}
}

package archive_test

import (
	"bytes"
	"testing"

	"github.com/specstar-worker/worker/archive"
)

// Blocks give the bytes that records give one by one.
func TestBlocksAreTheSameBytes(t *testing.T) {
	records := someRecords(t)
	var want, got bytes.Buffer
	one, blocks := archive.NewWriter(&want), archive.NewWriter(&got)
	var block archive.Block
	for i, rec := range records {
		if err := one.Write(rec); err != nil {
			t.Fatal(err)
		}
		inside := belongsIntoABlock(rec)
		if inside {
			if err := block.Append(rec); err != nil {
				t.Fatal(err)
			}
		}
		if inside && i%3 != 0 {
			continue // more come into it
		}
		if err := blocks.WriteBlock(&block); err != nil {
			t.Fatal(err)
		}
		block.Reset()
		if !inside {
			if err := blocks.Write(rec); err != nil {
				t.Fatal(err)
			}
		}
	}
	if one.Close() != nil || blocks.Close() != nil || blocks.Written() != int64(want.Len()) {
		t.Fatalf("%d bytes are written", blocks.Written())
	}
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Error("the bytes differ")
	}
}

func belongsIntoABlock(rec archive.Record) bool {
	switch rec.(type) {
	case archive.Meta, archive.Revision, archive.Blob:
		return true
	}
	return false
}

func TestABlockBelongsIntoASection(t *testing.T) {
	var block archive.Block
	for _, rec := range []archive.Record{archive.Header{}, archive.ModelStart{Model: "m"}, archive.ModelEnd{Model: "m"}, archive.EOF{}, nil} {
		if err := block.Append(rec); err == nil || block.Len() != 0 {
			t.Errorf("%T is taken: %v", rec, err)
		}
	}
	if err := block.Append(archive.Blob{FileID: "b", Data: []byte("x"), Size: 1}); err != nil {
		t.Fatal(err)
	}
	w := archive.NewWriter(&bytes.Buffer{})
	if err := w.Write(archive.Header{}); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteBlock(&block); err == nil {
		t.Error("a block outside of a section is taken")
	}
	if err := w.Write(archive.EOF{}); err == nil {
		t.Error("the error is forgotten")
	}
}

// someRecords are the records of an archive of the original.
func someRecords(t *testing.T) []archive.Record {
	t.Helper()
	var all []archive.Record
	for rec, err := range archive.NewReader(bytes.NewReader(plainBytes(t, "small.acbak")), archive.Limits{}).Records() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rec)
	}
	return all
}

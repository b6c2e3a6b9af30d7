package archive_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/specstar-worker/worker/archive"
)

// FuzzReader checks that an archive read to its end is written again as one that
// reads alike, and that every error has a code and an offset inside the input.
func FuzzReader(f *testing.F) {
	header, eof := frame("81", "t", "HeaderRecord"), frame("81", "t", "EofRecord")
	f.Add([]byte{})
	f.Add(append(bytes.Clone(header), eof...))
	f.Add(plainBytes(f, "nul_in_indexed.acbak"))
	f.Add(plainBytes(f, "schema_versions.acbak"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var out bytes.Buffer
		r, w := archive.NewReader(bytes.NewReader(b), archive.Limits{}), archive.NewWriter(&out)
		for {
			rec, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				e, ok := errors.AsType[*archive.Error](err)
				if !ok || e.Code == "" || e.Offset < 0 || e.Offset > int64(len(b)) {
					t.Fatalf("error without code or place: %v", err)
				}
				return
			}
			if err := w.Write(rec); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(out.Bytes()); err != nil {
			t.Fatalf("written again: %v", err)
		}
	})
}

package peertest

import (
	"bytes"
	"os"
	"testing"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/internal/pypeer"
)

// TestEveryFrameOfTheOriginalIsWrittenAgainAsItWas reads the archives of random
// applications and writes each record anew: the bytes are the same.
func TestEveryFrameOfTheOriginalIsWrittenAgainAsItWas(t *testing.T) {
	p := pypeer.Start(t)
	eachSeed(t, p, 24, 200, func(t *testing.T, s source) {
		want, err := os.ReadFile(s.archive)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		w := archive.NewWriter(&got)
		r := archive.NewReader(bytes.NewReader(want), archive.Limits{})
		for rec, err := range r.Records() {
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Write(rec); err != nil {
				t.Fatal(err)
			}
			if w.Written() != r.End() {
				t.Fatalf("the frame at byte %d was written again with another length:\n%q\n%+v", r.Offset(), want[r.Offset():r.End()], rec)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if i := firstDifference(want, got.Bytes()); i >= 0 {
			t.Fatalf("written again, byte %d differs:\nwas %q\nis  %q", i, around(want, i), around(got.Bytes(), i))
		}
	})
}

// firstDifference returns where a and b part, -1 when they are equal.
func firstDifference(a, b []byte) int {
	if bytes.Equal(a, b) {
		return -1
	}
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func around(b []byte, i int) []byte { return b[max(0, i-60):min(len(b), i+60)] }

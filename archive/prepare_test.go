package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/internal/caught"
)

// What is prepared comes with its record, read ahead or not.
func TestPrepared(t *testing.T) {
	for _, name := range []string{"small.acbak", "big_2000.acbak.gz"} {
		b := plainBytes(t, name)
		reader := func() *archive.Reader {
			r := archive.NewReader(bytes.NewReader(b), archive.Limits{})
			r.Prepare(func(rec archive.Record) any { return fmt.Sprintf("%T %.40v", rec, rec) })
			return r
		}
		n, r := 0, reader()
		check := func(rec archive.Record) {
			t.Helper()
			if want := fmt.Sprintf("%T %.40v", rec, rec); r.Prepared() != want {
				t.Fatalf("record %d has %v, want %s", n, r.Prepared(), want)
			}
			n++
		}
		for rec, err := range r.Records() {
			if err != nil {
				t.Fatal(err)
			}
			check(rec)
		}
		ahead := n
		n, r = 0, reader()
		for {
			rec, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			check(rec)
		}
		if n != ahead || n == 0 {
			t.Errorf("%s: %d records, %d when read ahead", name, n, ahead)
		}
	}
}

// A panic while a record is prepared is an error of the reader, and ends it.
func TestAPanicOfPreparation(t *testing.T) {
	r := archive.NewReader(bytes.NewReader(plainBytes(t, "small.acbak")), archive.Limits{})
	r.Prepare(func(archive.Record) any { panic("trouble") })
	var last error
	for _, err := range r.Records() {
		last = err
	}
	if _, is := errors.AsType[*caught.PanicError](last); !is {
		t.Errorf("it ends with %v", last)
	}
}

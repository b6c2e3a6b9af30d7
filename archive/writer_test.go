package archive_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/archive"
)

// TestExampleFrames pins the frames that hold nothing but themselves.
func TestExampleFrames(t *testing.T) {
	var out bytes.Buffer
	w := archive.NewWriter(&out)
	for _, rec := range []archive.Record{
		archive.Header{},
		archive.ModelStart{Model: "u"},
		archive.Blob{FileID: "f", Data: []byte("z"), Size: 1},
		archive.ModelEnd{Model: "u"},
		archive.EOF{},
	} {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"0000001982a174ac4865616465725265636f7264a776657273696f6e02",
		"0000002182a174b04d6f64656c53746172745265636f7264aa6d6f64656c5f6e616d65a175",
		"0000003985a174aa426c6f625265636f7264a766696c655f6964a166a9626c6f625f64617461c4017aa473697a6501ac636f6e74656e745f74797065a0",
		"0000001f82a174ae4d6f64656c456e645265636f7264aa6d6f64656c5f6e616d65a175",
		"0000000d81a174a9456f665265636f7264",
	}, "")
	if got := hex.EncodeToString(out.Bytes()); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

func TestWriterRefusesTheWrongOrder(t *testing.T) {
	header, start, end, eof := archive.Header{}, archive.ModelStart{Model: "m"}, archive.ModelEnd{Model: "m"}, archive.EOF{}
	for name, records := range map[string][]archive.Record{
		"no header":          {start},
		"second header":      {header, header},
		"version 3":          {archive.Header{Version: 3}},
		"record outside":     {header, archive.Blob{}},
		"nested section":     {header, start, start},
		"other model's end":  {header, start, archive.ModelEnd{Model: "n"}},
		"end in a section":   {header, start, eof},
		"record behind":      {header, eof, start},
		"section's end only": {header, end},
	} {
		t.Run(name, func(t *testing.T) {
			w := archive.NewWriter(&bytes.Buffer{})
			last := len(records) - 1
			for _, rec := range records[:last] {
				if err := w.Write(rec); err != nil {
					t.Fatal(err)
				}
			}
			err := w.Write(records[last])
			if err == nil {
				t.Fatal("it was written")
			}
			if again := w.Close(); again != err {
				t.Fatalf("Close says %v, want %v", again, err)
			}
		})
	}
}

func TestCloseRequiresTheEnd(t *testing.T) {
	w := archive.NewWriter(&bytes.Buffer{})
	if err := w.Write(archive.Header{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil {
		t.Fatal("an archive without its end was closed")
	}
}

var errFull = errors.New("disk full")

// fullDisk fails every write.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWriterKeepsItsError(t *testing.T) {
	w := archive.NewWriter(fullDisk{})
	err := errors.Join(w.Write(archive.Header{}), w.Write(archive.EOF{}))
	if err != nil {
		t.Fatalf("a buffered write failed: %v", err)
	}
	for range 2 {
		if err := w.Close(); !errors.Is(err, errFull) {
			t.Fatalf("got %v", err)
		}
	}
}

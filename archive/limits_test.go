package archive_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/archive"
)

// frame returns a frame with the map head in hex and short texts.
func frame(head string, texts ...string) []byte {
	payload, err := hex.DecodeString(head)
	if err != nil {
		panic(err)
	}
	for _, s := range texts {
		payload = append(append(payload, 0xa0|byte(len(s))), s...)
	}
	return framed(payload)
}

func framed(payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), payload...)
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestBombsCostNoMemory feeds lengths that lie, in frames and in msgpack.
func TestBombsCostNoMemory(t *testing.T) {
	header := frame("81", "t", "HeaderRecord")
	start := frame("82", "t", "ModelStartRecord", "model_name", "m")
	prefix := append(bytes.Clone(header), start...)
	inMeta := func(inner []byte) []byte {
		b := unhex(t, "82 a174 aa4d6574615265636f7264 a464617461 c5")
		b = binary.BigEndian.AppendUint16(b, uint16(len(inner)))
		return framed(append(b, inner...))
	}
	for name, bad := range map[string][]byte{
		"frame of 4 GiB":          unhex(t, "ffffffff 82a174"),
		"frame of 64 MiB":         unhex(t, "04000000 82a174"),
		"array32":                 framed(unhex(t, "dd10000000")),
		"bin32 of 2 GiB":          framed(unhex(t, "82 a174 aa4d6574615265636f7264 a464617461 c67fffffff")),
		"map32":                   framed(unhex(t, "df01000000")),
		"str32":                   framed(unhex(t, "81 a174 dbffffffff")),
		"deep arrays":             framed(append(unhex(t, "82 a174 a9456f665265636f7264 a178"), bytes.Repeat([]byte{0x91}, 60000)...)),
		"array32 in a meta":       inMeta(unhex(t, "81 ac696e64657865645f64617461 81a161 dd10000000")),
		"deep indexed data":       inMeta(append(unhex(t, "81 ac696e64657865645f64617461 81a161"), bytes.Repeat([]byte{0x91}, 60000)...)),
		"ext32 in indexed data":   inMeta(unhex(t, "81 ac696e64657865645f64617461 81a161 c9ffffffff01")),
		"pairs without a content": inMeta(unhex(t, "de ffff")),
	} {
		t.Run(name, func(t *testing.T) {
			b := append(bytes.Clone(prefix), bad...)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := readAll(b)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Fatal("the bomb was read")
			}
			if n := after.TotalAlloc - before.TotalAlloc; n >= 1<<20 {
				t.Fatalf("%d bytes were allocated before %v", n, err)
			}
		})
	}
}

func TestAFrameOverTheLimitIsCorruptWhenItIsThere(t *testing.T) {
	header := frame("81", "t", "HeaderRecord")
	b := append(bytes.Clone(header), framed(make([]byte, 1000))...)
	r := archive.NewReader(bytes.NewReader(b), archive.Limits{FrameBytes: 999})
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	_, err := r.Next()
	wantError(t, err, archive.CodeCorrupt, int64(len(header)))
	if _, again := r.Next(); again != err {
		t.Fatalf("the error did not stay: %v", again)
	}
}

func TestTooManyRecords(t *testing.T) {
	r := archive.NewReader(bytes.NewReader(plainBytes(t, "small.acbak")), archive.Limits{Records: 3})
	for range 3 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := r.Next()
	wantError(t, err, archive.CodeCorrupt, 470)
}

// TestLargeFramesAreReadWhole crosses the buffer's size in both directions.
func TestLargeFramesAreReadWhole(t *testing.T) {
	var file bytes.Buffer
	w := archive.NewWriter(&file)
	sizes := []int{1, 127 << 10, 128 << 10, 129 << 10, 3 << 20, 5}
	records := []archive.Record{archive.Header{}, archive.ModelStart{Model: "m"}}
	for i, n := range sizes {
		data := bytes.Repeat([]byte{byte(i + 1)}, n)
		records = append(records, archive.Blob{FileID: "f", Data: data, Size: int64(n)})
	}
	records = append(records, archive.ModelEnd{Model: "m"}, archive.EOF{})
	for _, rec := range records {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := archive.NewReader(io.MultiReader(bytes.NewReader(file.Bytes()[:100]), bytes.NewReader(file.Bytes()[100:])), archive.Limits{})
	var got []archive.Blob
	for rec, err := range r.Records() {
		if err != nil {
			t.Fatal(err)
		}
		if b, ok := rec.(archive.Blob); ok {
			got = append(got, b)
		}
	}
	for i, n := range sizes {
		if !bytes.Equal(got[i].Data, bytes.Repeat([]byte{byte(i + 1)}, n)) {
			t.Fatalf("blob %d of %d bytes changed", i, n)
		}
	}
}

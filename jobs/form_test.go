package jobs_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// framed puts a head and what follows it into a message of the binary form.
func framed(head, behind string) []byte {
	return fmt.Appendf(nil, "\xC1SJ\x01\x00\x00%c%c%s%s", len(head)>>8, len(head)&0xff, head, behind)
}

// differ tells how two jobs differ.
func differ(a, b jobs.Envelope) string {
	return cmp.Diff(a, b, cmp.Comparer(func(a, b opt.Value[int64]) bool { return a == b }),
		cmp.Comparer(func(a, b opt.Value[resource.Status]) bool { return a == b }))
}

// binarySave is what testdata/binary/save.hex says.
func binarySave() jobs.Envelope {
	e := jobs.NewSave("person", "alice",
		manager.Operation{Op: manager.OpCreate, ResourceID: "person:1", Data: []byte(`{"name":"Ada"}`)},
		manager.Operation{Op: manager.OpUpdate, ResourceID: "person:2", Payload: []byte{0x81, 0xa1, 'n', 1}, User: "bob"},
		manager.Operation{Op: manager.OpModify, ResourceID: "person:3", Patch: []byte(`[]`), Status: opt.Of(resource.Draft)},
		manager.Operation{Op: manager.OpDelete, ResourceID: "person:4"},
	)
	e.ID, e.Time, e.Form = "import-20", time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), jobs.FormBinary
	return e
}

// TestBinaryFormStaysAsItIs holds the bytes of the binary form against those that
// other programs were written for.
func TestBinaryFormStaysAsItIs(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "binary", "save.hex"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	got, err := binarySave().Encode()
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("encoded as, %v\n%swant\n%s", err, hex.Dump(got), hex.Dump(want))
	}
	e, err := jobs.DecodeAs(string(jobs.FormBinary), want)
	if diff := differ(binarySave(), e); err != nil || diff != "" {
		t.Fatalf("decoded otherwise, %v:\n%s", err, diff)
	}
}

// TestFormsSayTheSame encodes every valid example in both forms.
func TestFormsSayTheSame(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "valid", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			message, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := jobs.Decode(message)
			if err != nil {
				t.Fatal(err)
			}
			packed := plain
			packed.Form = jobs.FormBinary
			b, err := packed.Encode()
			if err != nil {
				t.Fatal(err)
			}
			back, err := jobs.Decode(b)
			if diff := differ(packed, back); err != nil || diff != "" {
				t.Fatalf("in the binary form, %v: %s\n%s", err, diff, hex.Dump(b))
			}
			again, err := back.Encode()
			if err != nil || !bytes.Equal(again, b) {
				t.Fatalf("encoded again, %v:\n%s", err, hex.Dump(again))
			}
		})
	}
}

func TestBinaryFormIsStrict(t *testing.T) {
	head := func(op string) string { return `{"schema":1,"kind":"save","model":"m","args":` + op + `}` }
	whole, err := binarySave().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		message     []byte
		field, text string
	}{
		"the mark alone":     {whole[:1], "", "ends too early"},
		"another mark":       {append([]byte("\xC1XJ"), whole[3:]...), "", "neither JSON nor"},
		"a newer frame":      {append([]byte("\xC1SJ\x02"), whole[4:]...), "", "version 2"},
		"a head too long":    {append([]byte("\xC1SJ\x01\xff\xff\xff\xff"), whole[8:]...), "", "4294967295 bytes"},
		"cut in the head":    {whole[:40], "", "the head is said to have"},
		"cut in a payload":   {whole[:len(whole)-1], "args.operations[2].patch_size", "2 bytes are said to follow"},
		"more behind":        {append(bytes.Clone(whole), 'x'), "", "1 bytes more follow"},
		"a negative size":    {framed(head(`{"op":"create","data_size":-1}`), ""), "args.data_size", "-1 bytes"},
		"a fractional size":  {framed(head(`{"op":"create","data_size":1.5}`), "1"), "args.data_size", "int64 is expected"},
		"a size of text":     {framed(head(`{"op":"create","data_size":"1"}`), "1"), "args.data_size", "int64 is expected"},
		"a huge size":        {framed(head(`{"op":"create","payload_size":9223372036854775807}`), "1"), "args.payload_size", "are said to follow"},
		"data of nothing":    {framed(head(`{"op":"create","data_size":0}`), ""), "args.data_size", "at least one byte"},
		"data in and behind": {framed(head(`{"op":"create","data":{},"data_size":2}`), "{}"), "args.data_size", "says again"},
		"behind and in":      {framed(head(`{"op":"create","data_size":2,"data":{}}`), "{}"), "args.data", "says again"},
		"bytes and data":     {framed(head(`{"op":"create","data_size":2,"payload_size":1}`), "{}x"), "args.data_base64", "exclude"},
		"behind the head":    {framed(head(`{"op":"create"}`)+" {}", ""), "", "more follows"},
		"sizes in JSON":      {[]byte(head(`{"op":"create","data_size":2}`)), "args.data_size", "not a field"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jobs.Decode(tc.message)
			wrong, ok := errors.AsType[*jobs.EnvelopeError](err)
			if !ok || wrong.Field != tc.field || !strings.Contains(err.Error(), tc.text) {
				t.Fatalf("Decode = %v; want field %q and %q", err, tc.field, tc.text)
			}
		})
	}
	for i := range whole {
		if _, err := jobs.Decode(whole[:i]); err == nil {
			t.Fatalf("a message cut at byte %d was taken", i)
		}
	}
}

func TestContentTypeMustBeThatOfTheMessage(t *testing.T) {
	packed, err := binarySave().Encode()
	if err != nil {
		t.Fatal(err)
	}
	plain := []byte(`{"schema":1,"kind":"backfill","args":{}}`)
	for _, tc := range []struct {
		contentType string
		message     []byte
		text        string
	}{
		{"", plain, ""},
		{"", packed, ""},
		{"application/json", plain, ""},
		{"Application/JSON; charset=utf-8", plain, ""},
		{"application/vnd.specstar.job", packed, ""},
		{"application/json", packed, "not application/json"},
		{"application/vnd.specstar.job", plain, "not application/vnd.specstar.job"},
		{"text/plain", plain, `"text/plain" is not known`},
		{"//", plain, "is not known"},
	} {
		_, err := jobs.DecodeAs(tc.contentType, tc.message)
		if (err == nil) != (tc.text == "") || err != nil && !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%q: %v; want %q", tc.contentType, err, tc.text)
		}
	}
}

// TestDecodeTakesNoMoreMemoryThanItIsGiven decodes messages that promise much.
func TestDecodeTakesNoMoreMemoryThanItIsGiven(t *testing.T) {
	large := strings.Repeat("x", 700<<10)
	head := func(op string) string { return `{"schema":1,"kind":"save","model":"m","args":` + op + `}` }
	for name, tc := range map[string]struct {
		message []byte
		most    int64
	}{
		"a huge size":       {framed(head(`{"op":"create","payload_size":9007199254740991}`), ""), 8 << 10},
		"a huge head":       {[]byte("\xC1SJ\x01\xff\xff\xff\xff{"), 8 << 10},
		"a large payload":   {framed(head(fmt.Sprintf(`{"op":"create","payload_size":%d}`, len(large))), large), 8 << 10},
		"many empty arrays": {framed(head(`{"operations":[`+strings.Repeat("{},", 20_000)+`{}]}`), ""), 8 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			r := testing.Benchmark(func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_, _ = jobs.Decode(tc.message)
				}
			})
			if got := r.AllocedBytesPerOp(); got > tc.most {
				t.Fatalf("%d bytes of memory for a message of %d; want at most %d", got, len(tc.message), tc.most)
			}
		})
	}
}

func FuzzDecodeBinary(f *testing.F) {
	whole, err := binarySave().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(framed(`{"schema":1,"kind":"save","model":"m","args":{"op":"create","payload_size":1}}`, "x"))
	f.Add(framed(`{"schema":1,"kind":"backfill","args":{}}`, ""))
	f.Fuzz(func(t *testing.T, message []byte) {
		e, err := jobs.Decode(append([]byte("\xC1SJ\x01"), message...))
		if err != nil {
			if _, ok := errors.AsType[*jobs.EnvelopeError](err); !ok {
				t.Fatalf("error of another type: %v", err)
			}
			return
		}
		b, err := e.Encode()
		if err != nil {
			return // longer than the limit once written our way
		}
		again, err := jobs.Decode(b)
		if diff := differ(e, again); err != nil || diff != "" {
			t.Fatalf("encoded and decoded again, %v:\n%s", err, diff)
		}
	})
}

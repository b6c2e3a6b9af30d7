package payload_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
)

// small is the state of the application that wrote small.acbak.
type small struct {
	Models map[string]struct {
		Encoding  resource.Encoding
		Resources []struct {
			Revisions []struct {
				Raw  []byte `json:"raw_b64"`
				Data any
			}
		}
	}
	Blobs map[string]struct{ Size int64 }
}

// TestStoredPayloads reads every payload of the small set.
func TestStoredPayloads(t *testing.T) {
	var s small
	readJSON(t, "testdata/small.expected.json", &s)
	seen := map[string]bool{}
	for model, m := range s.Models {
		for _, r := range m.Resources {
			for _, rev := range r.Revisions {
				if got := payload.Sniff(rev.Raw); got != m.Encoding {
					t.Errorf("%s: Sniff = %s, want %s", model, got, m.Encoding)
				}
				checkJSONPayload(t, m.Encoding, rev.Raw)
				checkRendered(t, rev.Raw, rev.Data)
				for _, b := range payload.Binaries(rev.Raw) {
					seen[b.FileID] = true
					if blob, ok := s.Blobs[b.FileID]; !ok || blob.Size != b.Size {
						t.Errorf("%s: reference %+v leads to no blob", model, b)
					}
				}
			}
		}
	}
	if len(seen) != len(s.Blobs) {
		t.Errorf("references to %d of %d blobs were found", len(seen), len(s.Blobs))
	}
}

// checkJSONPayload checks that bytes the original wrote are canonical.
func checkJSONPayload(t *testing.T, enc resource.Encoding, raw []byte) {
	t.Helper()
	if enc != resource.JSON {
		return
	}
	if got, err := payload.Canonical(resource.JSON, raw); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("Canonical(%s) = %s, %v", raw, got, err)
	}
}

// checkRendered compares with the original's reading of the payload. Decimals,
// dates and durations are texts on both sides; a timestamp is compared as an
// instant.
func checkRendered(t *testing.T, raw []byte, want any) {
	t.Helper()
	b, err := payload.AppendJSON([]byte("prefix"), raw)
	if err != nil {
		t.Error(err)
		return
	}
	var got any
	if err := json.Unmarshal(bytes.TrimPrefix(b, []byte("prefix")), &got); err != nil {
		t.Errorf("AppendJSON wrote %s: %v", b, err)
		return
	}
	sameTime := cmp.FilterValues(func(a, b string) bool {
		_, errA := time.Parse(time.RFC3339Nano, a)
		_, errB := time.Parse(time.RFC3339Nano, b)
		return errA == nil && errB == nil
	}, cmp.Comparer(func(a, b string) bool {
		x, _ := time.Parse(time.RFC3339Nano, a)
		y, _ := time.Parse(time.RFC3339Nano, b)
		return x.Equal(y)
	}))
	if diff := cmp.Diff(want, got, sameTime); diff != "" {
		t.Errorf("rendered payload (-want +got):\n%s", diff)
	}
}

func TestBigSetIsCanonical(t *testing.T) {
	f, err := os.Open("testdata/big_2000.expected.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var big struct {
		Resources []struct {
			Revisions []struct{ Raw string }
		}
	}
	if err := json.NewDecoder(z).Decode(&big); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, r := range big.Resources {
		for _, rev := range r.Revisions {
			n++
			checkJSONPayload(t, resource.JSON, []byte(rev.Raw))
		}
	}
	if n != 3999 {
		t.Errorf("%d payloads were read, want 3999", n)
	}
}

func TestSniff(t *testing.T) {
	for in, want := range map[string]resource.Encoding{
		"": resource.JSON, "{}": resource.JSON, " \n[]": resource.JSON, "7": resource.JSON, "-1": resource.JSON,
		"\"é\"": resource.JSON, "null": resource.JSON, "12": resource.JSON,
		"\x80": resource.Msgpack, "\x05": resource.Msgpack, "\xde\x00\x00": resource.Msgpack, "\xc0": resource.Msgpack,
		"\xff": resource.Msgpack, "{": resource.Msgpack,
	} {
		if got := payload.Sniff([]byte(in)); got != want {
			t.Errorf("Sniff(%q) = %s, want %s", in, got, want)
		}
	}
}

const document = `{"name":"x","age":7,"big":18446744073709551615,"w":1.0,"on":true,"none":null,` +
	`"address":{"city":"Taipei","geo":{"lat":25.5}},"tags":["a",{"b":[1,[]]}],"a.b":1,"age2":{"age":9}}`

func TestExtract(t *testing.T) {
	want := map[string]any{
		"name": "x", "age": int64(7), "big": uint64(18446744073709551615), "w": 1.0, "on": true, "none": nil,
		"address.city": "Taipei", "address.geo.lat": 25.5, "address.geo": map[string]any{"lat": 25.5},
		"address.zip": nil, "name.x": nil, "tags.0": nil, "missing": nil, "missing.x": nil, "a.b": nil, "": nil,
		"tags": []any{"a", map[string]any{"b": []any{int64(1), []any{}}}},
	}
	var paths []string
	for path := range want {
		paths = append(paths, path)
	}
	packed, err := payload.Canonical(resource.Msgpack, []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	for enc, p := range map[string][]byte{"json": []byte(document), "msgpack": packed} {
		got, err := payload.Extract(p, paths)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", enc, diff)
		}
	}
}

func TestMembers(t *testing.T) {
	got, err := payload.Members([]byte(document), []string{"a.b", "address", "a", "none", "missing"})
	want := map[string]any{"a.b": int64(1), "address": map[string]any{"city": "Taipei", "geo": map[string]any{"lat": 25.5}}, "none": nil}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err := payload.Members([]byte("[1]"), []string{"0"}); err != nil || len(got) != 0 {
		t.Errorf("an array has the members %v, %v", got, err)
	}
}

func TestExtractFromOtherShapes(t *testing.T) {
	for _, in := range []string{`[{"a":1}]`, `"a"`, `1`, `null`, "\x93\x01\x02\x03", "\xc0"} {
		got, err := payload.Extract([]byte(in), []string{"a"})
		if err != nil || !reflect.DeepEqual(got, map[string]any{"a": nil}) {
			t.Errorf("Extract(%q) = %v, %v; want a nil", in, got, err)
		}
	}
	if got, err := payload.Extract([]byte("damaged"), nil); err != nil || len(got) != 0 {
		t.Errorf("no paths gave %v, %v", got, err)
	}
	if got, err := payload.Extract([]byte(`{"a":1,"a":2}`), []string{"a"}); err != nil || got["a"] != int64(2) {
		t.Errorf("of repeated keys %v was taken, %v; want the last", got["a"], err)
	}
	big := []byte(`{"n":123456789012345678901234567890,"a":1}`)
	if _, err := payload.Extract(big, []string{"a"}); err != nil {
		t.Errorf("a big integer beside the path: %v", err)
	}
	if got, err := payload.Extract(big, []string{"n"}); err == nil {
		t.Errorf("a big integer was extracted as %v", got["n"])
	}
}

func TestBinaries(t *testing.T) {
	text := `{"a":{"file_id":"1","size":2,"content_type":"x/y"},"list":[{"size":0,"file_id":"2"},` +
		`{"file_id":"3"},{"file_id":"4","size":1.0},{"file_id":5,"size":1},{"file_id":"6","size":-1},` +
		`{"file_id":"7","size":1,"more":1},{"file_id":"8","size":1,"content_type":null},` +
		`{"file_id":"9","size":1,"more":{"file_id":"10","size":1}}],"file_id":"11","size":1}`
	want := []resource.Binary{
		{FileID: "1", Size: 2, ContentType: opt.Of("x/y")}, {FileID: "2"}, {FileID: "10", Size: 1},
	}
	packed, err := payload.Canonical(resource.Msgpack, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range [][]byte{[]byte(text), packed} {
		if got := payload.Binaries(p); !slices.Equal(got, want) {
			t.Errorf("Binaries = %v, want %v", got, want)
		}
	}
	if got := payload.Binaries([]byte(`{"file_id":"1","size":2}`)); len(got) != 1 {
		t.Errorf("a payload that is a reference gave %v", got)
	}
	if got := payload.Binaries([]byte(text[:60])); len(got) != 1 {
		t.Errorf("a damaged payload gave %v, want the reference before the damage", got)
	}
	if got := payload.Binaries([]byte(`{"damaged`)); got != nil {
		t.Errorf("a payload without references gave %v", got)
	}
}

func TestAppendJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{ "a" : 1E5 }`: `{"a":1E5}`,
		"\x85\xa1b\xc4\x02\x01\xff\xa1t\xd6\xff\x65\x93\x52\x00\xa1i\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00" +
			"\xa1n\xd3\x80\x00\x00\x00\x00\x00\x00\x00\xa1u\xd7\xff\x1d\x6f\x3a\xc0\x65\x93\x52\x00": `{"b":"Af8=",` +
			`"t":"2024-01-02T00:00:00Z","i":null,"n":-9223372036854775808,"u":"2024-01-02T00:00:00.123457Z"}`,
	} {
		got, err := payload.AppendJSON(nil, []byte(in))
		if err != nil || string(got) != want {
			t.Errorf("AppendJSON(%q) = %s, %v; want %s", in, got, err, want)
		}
	}
	for name, in := range map[string]string{
		"JSON without end":        `{"a":`,
		"msgpack without end":     "\x81\xa1a",
		"two msgpack values":      "\x80\x80",
		"map of four thousand mi": "\xdf\xff\xff\xff\xff",
		"array of the same size":  "\xdd\xff\xff\xff\xff\xc0",
		"text of the same size":   "\xdb\xff\xff\xff\xffa",
		"key is no text":          "\x81\x01\x01",
		"unknown extension":       "\xd4\x05\x00",
		"endless nesting":         strings.Repeat("\x91", 100_000),
		"not UTF-8":               "\xa1\xff",
	} {
		got, err := payload.AppendJSON([]byte("kept"), []byte(in))
		if err == nil || string(got) != "kept" {
			t.Errorf("%s: AppendJSON = %q, %v; want an error and kept", name, got, err)
		}
	}
}

func TestDeepStoredPayloads(t *testing.T) {
	deep := strings.Repeat("\x91", 900) + "\xc0"
	got, err := payload.AppendJSON(nil, []byte(deep))
	if want := strings.Repeat("[", 900) + "null" + strings.Repeat("]", 900); err != nil || string(got) != want {
		t.Errorf("nesting of 900 gave %.20s, %v", got, err)
	}
	if _, err := payload.Extract([]byte(strings.Repeat("[", 100_000)), []string{"a"}); err == nil {
		t.Error("endless nesting was taken")
	}
}

func FuzzStored(f *testing.F) {
	packed, err := payload.Canonical(resource.Msgpack, []byte(document))
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range []string{document, string(packed), "\xd6\xff\x65\x93\x52\x00", `{"file_id":"a","size":1}`, "\xdf\xff\xff\xff\xff"} {
		f.Add([]byte(p))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		payload.Binaries(p)
		_, errX := payload.Extract(p, []string{"a.b", "address.geo"})
		rendered, errJ := payload.AppendJSON(nil, p)
		if errJ == nil && !json.Valid(rendered) {
			t.Errorf("AppendJSON(%s) wrote %s", hex.EncodeToString(p), rendered)
		}
		if payload.Sniff(p) == resource.Msgpack && errJ == nil && errX != nil {
			t.Errorf("rendered, but not extracted: %v", errX)
		}
	})
}

func FuzzCanonical(f *testing.F) {
	for _, s := range []string{document, `"\ud83d\ude00"`, `[1e5,-0,1.5e-7]`, `{"a":{"a":[{}]}}`, `123456789012345678901`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		once, err := payload.Canonical(resource.JSON, text)
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Errorf("%q is not JSON and was taken", text)
		}
		twice, err := payload.Canonical(resource.JSON, once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("Canonical(%q) = %q, %v; not what it gave before", once, twice, err)
		}
		packed, err := payload.Canonical(resource.Msgpack, text)
		if err != nil {
			return
		}
		if back, err := payload.AppendJSON(nil, packed); payload.Sniff(packed) == resource.Msgpack && (err != nil || !bytes.Equal(back, once)) {
			t.Errorf("by msgpack %q became %q, %v", once, back, err)
		}
	})
}

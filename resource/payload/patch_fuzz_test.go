package payload_test

import (
	"bytes"
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
)

// FuzzPatch patches any bytes with any text. What comes out can be read, and is
// canonical if what went in was.
func FuzzPatch(f *testing.F) {
	const doc = `{"a":{"b":[1,2.5,"x"]},"c":null,"é":1e30}`
	packed, err := payload.Canonical(resource.Msgpack, []byte(doc))
	if err != nil {
		f.Fatal(err)
	}
	odd := "\x82\xd9\x01b\xc4\x03abc\xa1t\xd6\xff\x00\x00\x00\x01"
	for _, patch := range []string{
		`[]`, `{}`, `{"a":{"b":null,"n":{"x":[1.0]}},"z":{"y":null}}`,
		`[{"op":"add","path":"/a/b/-","value":[]},{"op":"move","from":"/a","path":"/m~1"},{"op":"copy","from":"","path":"/x"}]`,
		`[{"op":"test","path":"","value":{"b":"YWJj","t":"1970-01-01T00:00:01Z"}},{"op":"replace","path":"/t","value":0}]`,
		`[{"op":"remove","path":"/c"},{"op":"test","path":"/é","value":1000000000000000000000000000000}]`,
	} {
		for _, stored := range []string{doc, string(packed), odd, ` { "a" : 1, "a" : {"b":[]} } `} {
			f.Add([]byte(stored), []byte(patch))
		}
	}
	f.Fuzz(func(t *testing.T, stored, patch []byte) {
		before := bytes.Clone(stored)
		got, err := payload.Patch(stored, patch)
		if !bytes.Equal(before, stored) {
			t.Fatal("the stored payload was changed")
		}
		if err != nil {
			return
		}
		enc := payload.Sniff(stored)
		if enc != payload.Sniff(got) {
			if len(got) != 1 { // a byte that may be either
				t.Fatalf("%x patched with %s became %x", stored, patch, got)
			}
			return
		}
		if err := payload.ContentIDs(got, func(payload.ContentID) {}); err != nil {
			t.Fatalf("%x patched with %s gave %x: %v", stored, patch, got, err)
		}
		if isCanonical(enc, stored) && !isCanonical(enc, got) {
			t.Fatalf("%q patched with %s gave %q", stored, patch, got)
		}
	})
}

// isCanonical reports whether a payload is what Canonical makes of its JSON.
func isCanonical(enc resource.Encoding, p []byte) bool {
	text, err := payload.AppendJSON(nil, p)
	if err != nil {
		return false
	}
	canon, err := payload.Canonical(enc, text)
	return err == nil && bytes.Equal(canon, p)
}

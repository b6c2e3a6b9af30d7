package payload_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
)

// patchCase is a patch of a document in canonical form and what comes out.
type patchCase struct{ name, doc, patch, want string }

// checkPatches applies each patch in both encodings.
func checkPatches(t *testing.T, cases []patchCase) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			p, err := payload.ParsePatch([]byte(tc.patch))
			if err != nil {
				t.Fatal(err)
			}
			for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
				stored, want := canonical(t, enc, tc.doc), canonical(t, enc, tc.want)
				before := bytes.Clone(stored)
				got, err := p.Apply(stored)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: %s patched with %s gave %q, %v; want %q", enc, tc.doc, tc.patch, got, err, want)
				}
				if !bytes.Equal(stored, before) {
					t.Errorf("%s: the stored payload was changed", enc)
				}
			}
		})
	}
}

func canonical(t *testing.T, enc resource.Encoding, text string) []byte {
	t.Helper()
	b, err := payload.Canonical(enc, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPatchOperations goes through the rules of RFC 6902 §4.
func TestPatchOperations(t *testing.T) {
	const doc = `{"z":1,"a":{"b":[1,2,3],"c":null}}`
	checkPatches(t, []patchCase{
		{"no operation", doc, `[]`, doc},
		{"add a field at the end", doc, `[{"op":"add","path":"/b","value":{"y":[],"x":"\u0041"}}]`, `{"z":1,"a":{"b":[1,2,3],"c":null},"b":{"y":[],"x":"A"}}`},
		{"add to a field that is there", doc, `[{"op":"add","path":"/z","value":2}]`, `{"z":2,"a":{"b":[1,2,3],"c":null}}`},
		{"add before an element", doc, `[{"op":"add","path":"/a/b/1","value":9}]`, `{"z":1,"a":{"b":[1,9,2,3],"c":null}}`},
		{"add at the length of the array", doc, `[{"op":"add","path":"/a/b/3","value":9}]`, `{"z":1,"a":{"b":[1,2,3,9],"c":null}}`},
		{"add behind the last element", doc, `[{"op":"add","path":"/a/b/-","value":[4]}]`, `{"z":1,"a":{"b":[1,2,3,[4]],"c":null}}`},
		{"add to an empty array", `[]`, `[{"op":"add","path":"/0","value":1}]`, `[1]`},
		{"add to an empty object", `{}`, `[{"op":"add","path":"/","value":1}]`, `{"":1}`},
		{"add the whole document", doc, `[{"op":"add","path":"","value":[1.50]}]`, `[1.5]`},
		{"add null", doc, `[{"op":"add","path":"/z","value":null}]`, `{"z":null,"a":{"b":[1,2,3],"c":null}}`},
		{"remove a field", doc, `[{"op":"remove","path":"/a"}]`, `{"z":1}`},
		{"remove a field that is null", doc, `[{"op":"remove","path":"/a/c"}]`, `{"z":1,"a":{"b":[1,2,3]}}`},
		{"remove an element", doc, `[{"op":"remove","path":"/a/b/0"}]`, `{"z":1,"a":{"b":[2,3],"c":null}}`},
		{"remove all", `{"a":1}`, `[{"op":"remove","path":"/a"}]`, `{}`},
		{"removed and added comes last", doc, `[{"op":"remove","path":"/z"},{"op":"add","path":"/z","value":1}]`, `{"a":{"b":[1,2,3],"c":null},"z":1}`},
		{"replace keeps the place", doc, `[{"op":"replace","path":"/z","value":{"n":1e2}}]`, `{"z":{"n":100.0},"a":{"b":[1,2,3],"c":null}}`},
		{"replace an element", doc, `[{"op":"replace","path":"/a/b/2","value":"x"}]`, `{"z":1,"a":{"b":[1,2,"x"],"c":null}}`},
		{"replace the whole document", doc, `[{"op":"replace","path":"","value":{"a":1}}]`, `{"a":1}`},
		{"into what was added", doc, `[{"op":"add","path":"/n","value":{"k":[{}]}},{"op":"add","path":"/n/k/0/v","value":1}]`, `{"z":1,"a":{"b":[1,2,3],"c":null},"n":{"k":[{"v":1}]}}`},
		{"move a field", doc, `[{"op":"move","from":"/a/b","path":"/b"}]`, `{"z":1,"a":{"c":null},"b":[1,2,3]}`},
		{"move an element", doc, `[{"op":"move","from":"/a/b/0","path":"/a/b/2"}]`, `{"z":1,"a":{"b":[2,3,1],"c":null}}`},
		{"move over another", doc, `[{"op":"move","from":"/a/b","path":"/z"}]`, `{"z":[1,2,3],"a":{"c":null}}`},
		{"move to the same place", doc, `[{"op":"move","from":"/z","path":"/z"}]`, doc},
		{"move to the whole document", doc, `[{"op":"move","from":"/a/b","path":""}]`, `[1,2,3]`},
		{"move to a name that begins alike", doc, `[{"op":"move","from":"/a","path":"/ab"}]`, `{"z":1,"ab":{"b":[1,2,3],"c":null}}`},
		{"move what was changed", doc, `[{"op":"add","path":"/a/b/0","value":0},{"op":"move","from":"/a","path":"/m"},{"op":"remove","path":"/m/b/3"}]`, `{"z":1,"m":{"b":[0,1,2],"c":null}}`},
		{"copy a field", doc, `[{"op":"copy","from":"/a/b","path":"/b"}]`, `{"z":1,"a":{"b":[1,2,3],"c":null},"b":[1,2,3]}`},
		{"copy an element", doc, `[{"op":"copy","from":"/a/b/2","path":"/a/b/0"}]`, `{"z":1,"a":{"b":[3,1,2,3],"c":null}}`},
		{"copy the document into itself", `{"a":1}`, `[{"op":"copy","from":"","path":"/b"}]`, `{"a":1,"b":{"a":1}}`},
		{"copies are apart", doc, `[{"op":"add","path":"/a/b/-","value":4},{"op":"copy","from":"/a","path":"/k"},{"op":"remove","path":"/a/b/0"},{"op":"replace","path":"/k/b/0","value":7}]`, `{"z":1,"a":{"b":[2,3,4],"c":null},"k":{"b":[7,2,3,4],"c":null}}`},
		{"unknown members are ignored", doc, `[{"op":"remove","path":"/z","from":1,"value":{},"x":[1]}]`, `{"a":{"b":[1,2,3],"c":null}}`},
		{"escapes", `{"a/b":1,"m~n":2,"~1":3}`, `[{"op":"remove","path":"/a~1b"},{"op":"replace","path":"/m~0n","value":0},{"op":"add","path":"/~01","value":4}]`, `{"m~n":0,"~1":4}`},
		{"names like indices", `{"-":1,"0":2,"01":3}`, `[{"op":"remove","path":"/-"},{"op":"replace","path":"/01","value":1}]`, `{"0":2,"01":1}`},
		{"names with escapes in JSON", `{"\"\n":1,"é":2}`, `[{"op":"replace","path":"/\"\n","value":3},{"op":"add","path":"/\u00e9","value":4},{"op":"add","path":"/\t","value":5}]`, `{"\"\n":3,"é":4,"\t":5}`},
		{"a backslash and n is no new line", `{"\n":1}`, `[{"op":"add","path":"/\\n","value":2}]`, `{"\n":1,"\\n":2}`},
	})
}

// TestPatchTest goes through the rules of RFC 6902 §4.6.
func TestPatchTest(t *testing.T) {
	const doc = `{"i":1,"f":1.0,"big":1000000000000000000000000000000,"t":"a\"b","n":null,"y":true,"a":[1,[2.50]],"o":{"p":1,"q":{}},"e":"","m":-0.0,"s":1e-7}`
	for _, tc := range []struct {
		path, value string
		equal       bool
	}{
		{"/i", `1`, true},
		{"/i", `1.0`, true},
		{"/i", `10e-1`, true},
		{"/f", `1`, true},
		{"/i", `-1`, false},
		{"/i", `10`, false},
		{"/i", `true`, false},
		{"/i", `"1"`, false},
		{"/m", `0`, true},
		{"/s", `0.0000001`, true},
		{"/s", `0.000001`, false},
		{"/big", `1e30`, true},
		{"/big", `1e31`, false},
		{"/big", `1000000000000000000000000000001`, false},
		{"/t", `"a\u0022b"`, true},
		{"/t", `"a"`, false},
		{"/e", `""`, true},
		{"/e", `null`, false},
		{"/n", `null`, true},
		{"/n", `false`, false},
		{"/n", `{}`, false},
		{"/y", `true`, true},
		{"/y", `false`, false},
		{"/a", `[1,[2.5]]`, true},
		{"/a", `[1]`, false},
		{"/a", `[1,[2.5],3]`, false},
		{"/a", `{}`, false},
		{"/a/1/0", `2.5`, true},
		{"/o", `{"q":{},"p":1}`, true},
		{"/o", `{"p":1}`, false},
		{"/o", `{"p":1,"q":{},"r":1}`, false},
		{"/o", `{"p":1,"r":{}}`, false},
		{"/o", `[]`, false},
		{"/o/q", `{}`, true},
		{"/o/q", `""`, false},
		{"", `{"i":1}`, false},
	} {
		patch := `[{"op":"test","path":"` + tc.path + `","value":` + tc.value + `}]`
		for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
			text := doc
			if enc == resource.Msgpack {
				text = `{"i":1,"f":1.0,"big":1e30,` + doc[len(`{"i":1,"f":1.0,"big":1000000000000000000000000000000,`):]
			}
			stored := canonical(t, enc, text)
			if enc == resource.Msgpack && tc.path == "/big" {
				continue // has no form in msgpack
			}
			got, err := payload.Patch(stored, []byte(patch))
			if tc.equal && (err != nil || !bytes.Equal(got, stored)) {
				t.Errorf("%s: %s gave %q, %v", enc, patch, got, err)
			}
			if e, ok := errors.AsType[*payload.PatchError](err); !tc.equal && (!ok || e.Op != "test") {
				t.Errorf("%s: %s gave %q, %v; want an error of the test", enc, patch, got, err)
			}
		}
	}
}

// TestPatchKeepsTheRest has payloads that no writer of ours would write.
func TestPatchKeepsTheRest(t *testing.T) {
	for _, tc := range []struct{ name, doc, patch, want string }{
		{"numbers and spaces", `{"n": 1.50E+1 , "k" : [ 1 , 10e0 ], "x":{"y": 1}}`, `[{"op":"replace","path":"/x/y","value":2}]`, `{"n":1.50E+1,"k":[ 1 , 10e0 ],"x":{"y":2}}`},
		{"escapes", `{"\u0061":"\u0062\/","c":1}`, `[{"op":"remove","path":"/c"}]`, `{"\u0061":"\u0062\/"}`},
		{"a key that is found by its meaning", `{"\u0061":1}`, `[{"op":"replace","path":"/a","value":2}]`, `{"\u0061":2}`},
		{"nothing changes", " { \"a\" : 1 }\n", `[{"op":"test","path":"/a","value":1}]`, " { \"a\" : 1 }\n"},
		{"a merge that changes nothing", " { \"a\" : {\"b\":1} }\n", `{"a":{},"x":null}`, " { \"a\" : {\"b\":1} }\n"},
		{"a repeated key", `{"a":1,"b":0,"a":2}`, `[{"op":"test","path":"","value":{"b":0,"a":2}},{"op":"replace","path":"/a","value":3}]`, `{"a":1,"b":0,"a":3}`},
		{"a repeated key is removed", `{"a":1,"b":0,"a":2}`, `[{"op":"move","from":"/a","path":"/c"}]`, `{"b":0,"c":2}`},
		{
			"msgpack kinds", "\x84\xa1i\xcd\x00\x01\xa1f\xca\x3f\x80\x00\x00\xd9\x01b\xc4\x03abc\xa1t\xd6\xff\x00\x00\x00\x01",
			`[{"op":"test","path":"/t","value":"1970-01-01T00:00:01Z"},{"op":"test","path":"/b","value":"YWJj"},{"op":"test","path":"/f","value":1},{"op":"test","path":"/i","value":1.0},{"op":"add","path":"/n","value":1.0}]`,
			"\x85\xa1i\xcd\x00\x01\xa1f\xca\x3f\x80\x00\x00\xd9\x01b\xc4\x03abc\xa1t\xd6\xff\x00\x00\x00\x01\xa1n\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00",
		},
		{"msgpack infinity is null", "\x81\xa1f\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", `[{"op":"test","path":"/f","value":null}]`, "\x81\xa1f\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"},
		{"msgpack moved as it is", "\x92\xde\x00\x01\xa1a\xc4\x00\x90", `[{"op":"copy","from":"/0","path":"/1/0"}]`, "\x92\xde\x00\x01\xa1a\xc4\x00\x91\xde\x00\x01\xa1a\xc4\x00"},
		{"msgpack grows over a short head", "\x9f" + "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01", `[{"op":"add","path":"/15","value":2}]`, "\xdc\x00\x10" + "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x02"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := payload.Patch([]byte(tc.doc), []byte(tc.patch))
			if err != nil || string(got) != tc.want {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}

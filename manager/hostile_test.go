package manager_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
	"github.com/specstar-worker/worker/storage"
)

// hostilePayload is a submitted payload that breaks weaker systems. It is stored
// unchanged in meaning, or refused with a reason; it is never altered.
type hostilePayload struct {
	name, text string
	// refused is what the refusal must say; empty: it is accepted. msgpack is the
	// same for a model that writes msgpack, where that differs.
	refused, msgpack string
}

func hostilePayloads() []hostilePayload {
	digits := strings.Repeat("7", 4300)
	wide := func(n int) string {
		var b strings.Builder
		b.WriteByte('{')
		for i := range n {
			fmt.Fprintf(&b, `"key %d":%d,`, i*7919%n, i)
		}
		return strings.TrimSuffix(b.String(), ",") + "}"
	}
	return []hostilePayload{
		{name: "a NUL in a value", text: `{"a":"x\u0000y"}`},
		{name: "a NUL in a key", text: `{"x\u0000y":1}`},
		{name: "a raw NUL in a text", text: "{\"a\":\"x\x00y\"}", refused: "byte 7, field a: "},
		{name: "a raw NUL between tokens", text: "{\x00}", refused: "byte 1"},
		{name: "bad UTF-8 in a value", text: "{\"a\":[0,{\"b\":\"\xff\xfe\"}]}", refused: "byte 14, field a[1].b: "},
		{name: "bad UTF-8 in a key", text: "{\"\xc3\x28\":1}", refused: "byte 2"},
		{name: "an overlong form", text: "{\"a\":\"\xc0\x80\"}", refused: "byte 6"},
		{name: "a surrogate in UTF-8", text: "{\"a\":\"\xed\xa0\x80\"}", refused: "byte 6"},
		{name: "a lone high surrogate", text: `{"a":"\ud800"}`, refused: "surrogate"},
		{name: "a lone low surrogate", text: `{"a":"\udc00x"}`, refused: "surrogate"},
		{name: "a surrogate pair the wrong way round", text: `{"a":"\udc00\ud800"}`, refused: "surrogate"},
		{name: "a pair", text: `{"a":"\ud83d\ude00"}`},
		{name: "control characters", text: `{"a":"\b\f\n\r\t\u0001\u001f\u007f\u2028\ufeff"}`},
		{name: "a byte order mark", text: "\ufeff{}", refused: "byte 0"},
		{name: "deep, at the limit", text: nested(payload.MaxDepth)},
		{name: "deep, beyond the limit", text: nested(payload.MaxDepth + 1), refused: "deeper than 64"},
		{name: "a bomb of brackets", text: strings.Repeat("[", 1<<20), refused: "deeper than 64"},
		{name: "the largest 64-bit integer", text: `{"a":18446744073709551615}`},
		{name: "the smallest 64-bit integer", text: `{"a":-9223372036854775808}`},
		{name: "an integer of 65 bits", text: `{"a":18446744073709551616}`, msgpack: "64 bits"},
		{name: "an integer of 4,300 digits", text: `{"a":` + digits + `}`, msgpack: "64 bits"},
		{name: "an indexed integer of 65 bits", text: `{"i":18446744073709551616}`, refused: "field i: the integer needs more than 64 bits"},
		{name: "an integer of 4,301 digits", text: `{"a":7` + digits + `}`, refused: "4300"},
		{name: "a float that overflows", text: `{"a":1e400}`, refused: "range of a float"},
		{name: "a float that overflows below", text: `{"a":-1e309}`, refused: "range of a float"},
		{name: "the largest float", text: `{"a":1.7976931348623157e308}`},
		{name: "the smallest float", text: `{"a":5e-324}`},
		{name: "a float that is an integer", text: `{"a":1.0,"b":1e2,"c":1}`},
		{name: "a float with many digits", text: `{"a":0.1000000000000000055511151231257827}`},
		{name: "not a number", text: `{"a":NaN}`, refused: "byte 5"},
		{name: "a number with a leading zero", text: `{"a":01}`, refused: "byte"},
		{name: "10,000 keys", text: wide(10_000)},
		{name: "10,000 keys, the last one again", text: strings.TrimSuffix(wide(10_000), "}") + `,"key 0":1}`, refused: "twice"},
		{name: "a repeated key", text: `{"a":1,"a":2}`, refused: "twice"},
		{name: "keys that differ in case", text: `{"a":1,"A":2}`},
		{name: "an empty key", text: `{"":1}`},
		{name: "a key of 100 kB", text: `{"` + strings.Repeat("k", 100_000) + `":1}`},
		{name: "a text of 1 MB", text: `{"a":"` + strings.Repeat("é", 500_000) + `"}`},
		{name: "text beyond 16 MiB", text: `{"a":"` + strings.Repeat("x", payload.MaxBytes) + `"}`, refused: "longer than"},
		{name: "two documents", text: `{} {}`, refused: "byte 3"},
		{name: "a document that ends early", text: `{"a":[1,2`, refused: "byte"},
		{name: "comments", text: `{"a":1 /* no */}`, refused: "byte 7"},
		{name: "what looks like SQL", text: `{"a":"'; DROP TABLE x; --","b\"c":"\\"}`},
		{name: "what looks like a path", text: `{"../../etc/passwd":"..","__proto__":{}}`},
		{name: "what looks like a blob", text: `{"file_id":"00000000000000000000000000000000","size":1}`},
		{name: "a scalar", text: `"just text"`},
		{name: "null", text: `null`},
		{name: "an array", text: `[1,[2,[]],{}]`},
	}
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func TestHostilePayloadsAreKeptOrRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
			s := open(t)
			m := declare(t, s, storage.ModelInfo{Name: "doc", Encoding: enc, IndexedPaths: []string{"b", "i"}})
			for i, p := range hostilePayloads() {
				t.Run(string(enc)+"/"+p.name, func(t *testing.T) { p.submit(t, m, numbered(i), enc) })
			}
			t.Run(string(enc)+"/there and back", func(t *testing.T) {
				archive := s.dumpAll(t)
				other := open(t)
				other.load(t, archive, manager.LoadOptions{})
				if !bytes.Equal(other.dumpAll(t), archive) {
					t.Error("what was accepted is another archive in another store")
				}
			})
		}
	})
}

// submit creates a resource with the payload and checks what became of it. A
// harmless operation beside it is done in any case.
func (p hostilePayload) submit(t *testing.T, m *manager.Manager, id resource.ID, enc resource.Encoding) {
	refused := p.refused
	if enc == resource.Msgpack && p.msgpack != "" {
		refused = p.msgpack
	}
	beside := id + "-beside"
	out, err := m.SaveMany(t.Context(), []manager.Operation{
		{Op: manager.OpCreate, ResourceID: id, Data: []byte(p.text), User: "ann", Time: epoch},
		{Op: manager.OpCreate, ResourceID: beside, Data: []byte(`{}`), User: "ann", Time: epoch},
	})
	if err != nil {
		t.Fatal(err)
	}
	if out[1].Effect != manager.EffectCreated {
		t.Errorf("the operation beside it: %+v", out[1])
	}
	if refused != "" {
		if out[0].Code != manager.CodeInvalid || !strings.Contains(out[0].Message, refused) || len(out[0].Message) > 500 {
			t.Errorf("outcome %.600v; want a refusal that says %q", out[0], refused)
		}
		return
	}
	if out[0].Effect != manager.EffectCreated {
		t.Fatalf("refused: %.300s", out[0].Message)
	}
	got, err := m.Get(t.Context(), id, manager.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := payload.AppendJSON(nil, got.Data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(meaning(t, stored), meaning(t, []byte(p.text))) {
		t.Errorf("stored as %.200s", stored)
	}
	if hash, _ := got.Info.DataHash.Get(); hash != resource.DataHash(got.Data) {
		t.Errorf("hash %s is not that of the payload", hash)
	}
}

// meaning decodes JSON with the standard library; numbers keep their kind, and
// floats are compared as values.
func meaning(t *testing.T, b []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%.80q: %v", b, err)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("%.80q goes on", b)
	}
	return kinds(t, v)
}

// kinds turns number texts into *big.Int or float64.
func kinds(t *testing.T, v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, ok := new(big.Int).SetString(v.String(), 10); ok {
			return n.String()
		}
		f, err := strconv.ParseFloat(v.String(), 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	case []any:
		for i := range v {
			v[i] = kinds(t, v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = kinds(t, v[k])
		}
	}
	return v
}

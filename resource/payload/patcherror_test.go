package payload_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
)

// TestPatchErrors has every reason for which an operation is refused.
func TestPatchErrors(t *testing.T) {
	const doc = `{"a":{"b":1},"l":[1,2]}`
	for _, tc := range []struct{ patch, want string }{
		{`[1]`, `patch operation 0: an operation is an object`},
		{`[{}]`, `patch operation 0: there is no op`},
		{`[{"op":1,"path":""}]`, `patch operation 0: op is no text`},
		{`[{"op":"spam","path":"/a"}]`, `patch operation 0 (spam /a): the operation is none of add, remove, replace, move, copy and test`},
		{`[{"op":"Add","path":"/a","value":1}]`, `patch operation 0 (Add /a): the operation is none of add, remove, replace, move, copy and test`},
		{`[{"op":"remove"}]`, `patch operation 0 (remove ""): there is no path`},
		{`[{"op":"remove","path":null}]`, `patch operation 0 (remove ""): path is no text`},
		{`[{"op":"remove","path":"a"}]`, `patch operation 0 (remove a): the path does not begin with /`},
		{`[{"op":"remove","path":"/a~2"}]`, `patch operation 0 (remove /a~2): the path has a ~ that is neither ~0 nor ~1`},
		{`[{"op":"remove","path":"/a~"}]`, `patch operation 0 (remove /a~): the path has a ~ that is neither ~0 nor ~1`},
		{`[{"op":"test","path":""},{"op":"add"}]`, `patch operation 0 (test ""): there is no value`},
		{`[{"op":"add","path":"/x"}]`, `patch operation 0 (add /x): there is no value`},
		{`[{"op":"replace","path":"/a"}]`, `patch operation 0 (replace /a): there is no value`},
		{`[{"op":"move","path":"/x"}]`, `patch operation 0 (move /x): there is no from`},
		{`[{"op":"copy","path":"/x","from":1}]`, `patch operation 0 (copy /x): from is no text`},
		{`[{"op":"copy","path":"/x","from":"a"}]`, `patch operation 0 (copy /x): from: the path does not begin with /`},
		{`[{"op":"move","path":"/a/b","from":"/a"}]`, `patch operation 0 (move /a/b): a value cannot be moved into itself`},
		{`[{"op":"move","path":"/a","from":""}]`, `patch operation 0 (move /a): a value cannot be moved into itself`},
		{`[{"op":"test","path":"/l/0","value":1},{"op":"remove","path":"/l/0"},{"op":"replace","path":"/a/x","value":1}]`, `patch operation 2 (replace /a/x): there is no such field`},
		{`[{"op":"remove","path":""}]`, `patch operation 0 (remove ""): the whole document cannot be removed`},
		{`[{"op":"remove","path":"/x"}]`, `patch operation 0 (remove /x): there is no such field`},
		{`[{"op":"test","path":"/x","value":null}]`, `patch operation 0 (test /x): there is no such field`},
		{`[{"op":"test","path":"/a/b","value":2}]`, `patch operation 0 (test /a/b): the value is another`},
		{`[{"op":"add","path":"/x/y","value":1}]`, `patch operation 0 (add /x/y): /x: there is no such field`},
		{`[{"op":"add","path":"/a/b/c","value":1}]`, `patch operation 0 (add /a/b/c): /a/b is neither object nor array`},
		{`[{"op":"add","path":"","value":1},{"op":"add","path":"/a","value":1}]`, `patch operation 1 (add /a): the document is neither object nor array`},
		{`[{"op":"add","path":"/l/3","value":1}]`, `patch operation 0 (add /l/3): there is no such element`},
		{`[{"op":"add","path":"/l/99999999999999999999","value":1}]`, `patch operation 0 (add /l/99999999999999999999): there is no such element`},
		{`[{"op":"add","path":"/l/01","value":1}]`, `patch operation 0 (add /l/01): 01 is no index of an array`},
		{`[{"op":"add","path":"/l/-1","value":1}]`, `patch operation 0 (add /l/-1): -1 is no index of an array`},
		{`[{"op":"add","path":"/l/1e0","value":1}]`, `patch operation 0 (add /l/1e0): 1e0 is no index of an array`},
		{`[{"op":"add","path":"/l/","value":1}]`, `patch operation 0 (add /l/): "" is no index of an array`},
		{`[{"op":"remove","path":"/l/2"}]`, `patch operation 0 (remove /l/2): there is no such element`},
		{`[{"op":"remove","path":"/l/-"}]`, `patch operation 0 (remove /l/-): there is no element behind the last one`},
		{`[{"op":"replace","path":"/l/-","value":1}]`, `patch operation 0 (replace /l/-): there is no element behind the last one`},
		{`[{"op":"test","path":"/l/-","value":1}]`, `patch operation 0 (test /l/-): there is no element behind the last one`},
		{`[{"op":"add","path":"/l/-/0","value":1}]`, `patch operation 0 (add /l/-/0): /l/-: there is no element behind the last one`},
		{`[{"op":"copy","path":"/x","from":"/l/-"}]`, `patch operation 0 (copy /x): from /l/-: there is no element behind the last one`},
		{`[{"op":"move","path":"/x","from":"/y"}]`, `patch operation 0 (move /x): from /y: there is no such field`},
		{`[{"op":"move","path":"/y","from":"/y"}]`, `patch operation 0 (move /y): from /y: there is no such field`},
		{`[{"op":"move","path":"/l/2","from":"/l/0"}]`, `patch operation 0 (move /l/2): there is no such element`},
		{`[{"op":"remove","path":"/a\n"}]`, `patch operation 0 (remove "/a\n"): there is no such field`},
	} {
		for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
			got, err := payload.Patch(canonical(t, enc, doc), []byte(tc.patch))
			if e, ok := errors.AsType[*payload.PatchError](err); !ok || e.Error() != tc.want || got != nil {
				t.Errorf("%s: %s gave %q, %v; want %s", enc, tc.patch, got, err, tc.want)
			}
		}
	}
}

func TestPatchSyntax(t *testing.T) {
	for _, tc := range []struct {
		patch  string
		offset int
	}{
		{``, 0},
		{`1`, 0},
		{`null`, 0},
		{`"[]"`, 0},
		{`[{"op":"remove","path":"/a"}`, 28},
		{`[{"op":"add","path":"/a","value":01}]`, 35},
		{`[{"op":"add","path":"/a","value":1,"op":"remove"}]`, 35},
		{`{"a":1}{}`, 7},
		{`{"a":1,"\u0061":2}`, 7},
		{`[{"op":"add","path":"/a","value":1e999}]`, 33},
		{strings.Repeat(`{"a":`, payload.MaxDepth) + `{`, 5 * payload.MaxDepth},
		{strings.Repeat(" ", payload.MaxBytes) + `[]`, payload.MaxBytes},
	} {
		_, err := payload.ParsePatch([]byte(tc.patch))
		if e, ok := errors.AsType[*payload.SyntaxError](err); !ok || e.Offset != tc.offset {
			t.Errorf("%.60s gave %v; want an error at byte %d", tc.patch, err, tc.offset)
		}
	}
	if _, err := payload.Patch([]byte(`{"a":`), []byte(`{}`)); err == nil || !strings.HasPrefix(err.Error(), "patch stored payload: ") {
		t.Errorf("a damaged payload gave %v", err)
	}
}

// TestPatchLimits has patches at a limit, and one step beyond it.
func TestPatchLimits(t *testing.T) {
	refused := func(t *testing.T, doc []byte, patch, want string) {
		t.Helper()
		got, err := payload.Patch(doc, []byte(patch))
		if e, ok := errors.AsType[*payload.PatchError](err); !ok || !strings.Contains(e.Error(), want) {
			t.Errorf("gave %.40q, %v; want %s", got, err, want)
		}
	}
	taken := func(t *testing.T, doc []byte, patch string) []byte {
		t.Helper()
		got, err := payload.Patch(doc, []byte(patch))
		if err != nil {
			t.Error(err)
		}
		return got
	}
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

	t.Run("operations", func(t *testing.T) {
		ops := strings.Repeat(`{"op":"test","path":"/a","value":1},`, payload.MaxOperations-1)
		one := `{"op":"test","path":"/a","value":1}`
		taken(t, []byte(`{"a":1}`), "["+ops+one+"]")
		refused(t, []byte(`{"a":1}`), "["+ops+one+","+one+"]", "patch operation 10000 (test /a): a patch has at most 10000 operations")
	})
	t.Run("depth", func(t *testing.T) {
		add := `[{"op":"add","path":"/a","value":%s}]`
		for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
			doc := canonical(t, enc, `{"a":1,"s":[[1]],"d":`+nested(payload.MaxDepth-1)+`}`)
			taken(t, doc, fmt.Sprintf(add, nested(payload.MaxDepth-1)))
			refused(t, doc, fmt.Sprintf(add, nested(payload.MaxDepth)), "(add /a): nested deeper than 64")
			refused(t, doc, `[{"op":"move","from":"/d","path":"/s/0"}]`, "(move /s/0): nested deeper than 64")
			refused(t, doc, `[{"op":"copy","from":"","path":"/a"}]`, "(copy /a): nested deeper than 64")
			refused(t, doc, `[{"op":"add","path":"/d/0/-","value":1},{"op":"move","from":"/d","path":"/s/0"}]`, "operation 1 (move /s/0): nested deeper than 64")
			taken(t, doc, `[{"op":"move","from":"/d/0","path":"/s/0"}]`)
		}
		deep := nested(payload.MaxDepth + 10)
		if got := taken(t, []byte(`{"a":1,"d":`+deep+`}`), `{"a":2}`); string(got) != `{"a":2,"d":`+deep+`}` {
			t.Errorf("a payload that is nested deeper gave %s", got)
		}
	})
	t.Run("copies", func(t *testing.T) {
		double := `{"op":"copy","from":"","path":"/-"}`
		doc := []byte(`["` + strings.Repeat("x", 1000) + `"]`)
		refused(t, doc, "["+strings.Repeat(double+",", 20)+double+"]", "the copied values are longer than 16777216 bytes together")
	})
	t.Run("result", func(t *testing.T) {
		doc := []byte(`["` + strings.Repeat("x", payload.MaxBytes-6) + `"]`)
		taken(t, doc, `[{"op":"add","path":"/-","value":1}]`)
		refused(t, doc, `[{"op":"add","path":"/-","value":11}]`, "patch: the result is longer than 16777216 bytes")
	})
	t.Run("shifts", func(t *testing.T) {
		doc := []byte(`[` + strings.Repeat("1,", 100_000) + `1]`)
		op := `{"op":"add","path":"/0","value":1}`
		refused(t, doc, "["+strings.Repeat(op+",", payload.MaxOperations-1)+op+"]", "(add /0): the patch costs too much")
	})
	t.Run("integers of msgpack", func(t *testing.T) {
		doc := canonical(t, resource.Msgpack, `{"a":{"b":1}}`)
		const big = `18446744073709551616`
		refused(t, doc, `[{"op":"add","path":"/a","value":{"x":[`+big+`]}}]`, "patch operation 0 (add /a): in x[0]: the integer needs more than 64 bits")
		refused(t, doc, `{"a":{"b~/":[`+big+`]}}`, "merge patch (/a/b~0~1): in [0]: the integer needs more than 64 bits")
		refused(t, doc, `[{"op":"test","path":"/a/b","value":`+big+`}]`, "the value is another")
	})
	t.Run("long paths in errors", func(t *testing.T) {
		refused(t, []byte(`{}`), `[{"op":"remove","path":"/`+strings.Repeat("x", 5000)+`"}]`, "(remove …"+strings.Repeat("x", 100)+")")
	})
}

// TestPatchMemory bounds what the smallest values there are cost when a pointer leads
// into the array around them, all that is allocated on the way included.
func TestPatchMemory(t *testing.T) {
	doc := []byte(`[` + strings.Repeat("1,", 1<<19) + `1]`)
	p, err := payload.ParsePatch([]byte(`[{"op":"remove","path":"/5"},{"op":"test","path":"/6","value":1},{"op":"add","path":"/-","value":1}]`))
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := p.Apply(doc)
	runtime.ReadMemStats(&after)
	if err != nil || !bytes.Equal(got, doc) {
		t.Fatalf("gave %d bytes of %d, %v", len(got), len(doc), err)
	}
	if n := int(after.TotalAlloc - before.TotalAlloc); n > 64*len(doc) {
		t.Errorf("%d bytes were allocated for %d", n, len(doc))
	}
}

package manager_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
)

// edges are fields whose values encoding/json would alter.
type edges struct {
	Text  string
	Bytes []byte
	Map   map[string]string
	Any   any
	Raw   json.RawMessage
	When  time.Time
}

type embedded struct{ Name string }

// TestTypedValuesAreNotAltered: what is read and saved again is what was there, and
// what has no form in JSON is refused.
func TestTypedValuesAreNotAltered(t *testing.T) {
	const huge = json.Number("18446744073709551615")
	lmt := time.Date(1900, 1, 1, 0, 0, 0, 0, time.FixedZone("LMT", 19*60+32))
	cases := map[string]struct {
		v    edges
		want string // a part of the payload in JSON
		any  any
	}{
		"nil bytes":          {edges{}, `"bytes":""`, nil},
		"an integer":         {edges{Any: int64(1<<53 + 1)}, `"any":9007199254740993`, int64(1<<53 + 1)},
		"a huge integer":     {edges{Any: huge}, `"any":18446744073709551615`, huge},
		"a whole float":      {edges{Any: 1.0}, `"any":1.0`, 1.0},
		"floats within":      {edges{Any: map[string]any{"l": []any{2.0, 3}}}, `"any":{"l":[2.0,3]}`, map[string]any{"l": []any{2.0, int64(3)}}},
		"nil within":         {edges{Any: map[string]any{"l": []any(nil)}}, `"any":{"l":null}`, map[string]any{"l": nil}},
		"HTML":               {edges{Text: "<&>\u2028", Any: "<"}, `"text":"<&>` + "\u2028" + `"`, "<"},
		"seconds of an hour": {edges{When: lmt}, `"when":"1899-12-31T23:40:28Z"`, nil},
	}
	for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
		typed, err := manager.For[edges](t.Context(), openMemory(t).Catalog, model.TypedOptions{Encoding: enc})
		if err != nil {
			t.Fatal(err)
		}
		for name, tc := range cases {
			id := resource.ID("x:" + strings.ReplaceAll(name, " ", "-"))
			if _, err := typed.Create(t.Context(), id, tc.v); err != nil {
				t.Errorf("%s, %s: %v", name, enc, err)
				continue
			}
			raw, err := typed.Manager().Get(t.Context(), id, manager.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if enc == resource.JSON && !strings.Contains(string(raw.Data), tc.want) {
				t.Errorf("%s: payload %s; want %s in it", name, raw.Data, tc.want)
			}
			got, err := typed.Get(t.Context(), id, manager.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.any, got.Data.Any); diff != "" || !got.Data.When.Equal(tc.v.When) {
				t.Errorf("%s, %s: at %s, %s", name, enc, got.Data.When, diff)
			}
			out, err := typed.Update(t.Context(), id, got.Data)
			if err != nil || out.Effect != manager.EffectUnchanged {
				t.Errorf("%s, %s: saved again %+v, %v", name, enc, out, err)
			}
		}
		for name, v := range map[string]edges{
			"text": {Text: "\xff"}, "map": {Map: map[string]string{"\xfe": "", "\xff": ""}}, "any": {Any: []any{"\xff"}},
		} {
			_, err := typed.Create(t.Context(), "x:bad", v)
			if code, _ := manager.CodeOf(err); code != manager.CodeInvalid || !strings.Contains(err.Error(), name) {
				t.Errorf("%s that is not UTF-8: %v", name, err)
			}
		}
	}
}

// TestEmbeddedFieldsAreNotDropped: promoted fields are not silently left out.
func TestEmbeddedFieldsAreNotDropped(t *testing.T) {
	type holder struct {
		embedded
		Age int
	}
	if err := forType[holder](t.Context(), openMemory(t).Catalog); err == nil || !strings.Contains(err.Error(), "embedded") {
		t.Errorf("an embedded struct: %v", err)
	}
	type without struct {
		embedded `specstar:"-"`
		Age      int
	}
	if err := forType[without](t.Context(), openMemory(t).Catalog); err != nil {
		t.Errorf("one that is left out: %v", err)
	}
}

// TestTypedReadsOfOlderPayloads: what the declared type does not have of a payload is
// not lost by reading and saving it.
func TestTypedReadsOfOlderPayloads(t *testing.T) {
	type v1 struct{ Name string }
	type v2 struct {
		Title string
		Lives int `specstar:",default=9"`
	}
	c := openMemory(t).Catalog
	old, err := manager.For[v1](t.Context(), c, model.TypedOptions{Name: "cat", SchemaVersion: opt.Of("1")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.Create(t.Context(), "cat:a", v1{"Al"}); err != nil {
		t.Fatal(err)
	}
	without, err := manager.For[v2](t.Context(), c, model.TypedOptions{Name: "cat", SchemaVersion: opt.Of("2")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = without.Get(t.Context(), "cat:a", manager.GetOptions{})
	if code, _ := manager.CodeOf(err); code != manager.CodeNotMigrated {
		t.Errorf("without a way: %v", err)
	}
	from := "1"
	with, err := manager.For[v2](t.Context(), c, model.TypedOptions{
		Name: "cat", SchemaVersion: opt.Of("2"),
		Migrations: []model.Migration{{From: &from, To: "2", Steps: []json.RawMessage{[]byte(`{"rename":{"from":"name","to":"title"}}`)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := with.Get(t.Context(), "cat:a", manager.GetOptions{})
	if err != nil || got.Data != (v2{"Al", 9}) {
		t.Errorf("%+v, %v", got.Data, err)
	}
}

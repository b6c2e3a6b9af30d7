package resource_test

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

func mustIndexed(t *testing.T, values map[string]any) resource.Indexed {
	t.Helper()
	x, err := resource.NewIndexed(values)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestIndexedGivesBackItsValues(t *testing.T) {
	at := time.Date(2024, 1, 2, 3, 4, 5, 678_901_999, time.FixedZone("", 3600))
	x := mustIndexed(t, map[string]any{
		"nil": nil, "true": true, "int": -7, "int64": int64(1) << 40, "big": uint64(1) << 63, "small": uint64(3),
		"float": 1.0, "text": "é\x00", "bytes": []byte{0, 255}, "time": at, "naive": time.Date(2024, 1, 2, 3, 4, 5, 0, resource.Naive),
		"list": []any{int64(1), "a"}, "map": map[string]any{"b": nil, "a": 1.5},
	})
	want := map[string]any{
		"nil": nil, "true": true, "int": int64(-7), "int64": int64(1) << 40, "big": uint64(1) << 63, "small": int64(3),
		"float": 1.0, "text": "é\x00", "bytes": []byte{0, 255}, "time": at.Truncate(time.Microsecond).UTC(), "naive": "2024-01-02T03:04:05",
		"list": []any{int64(1), "a"}, "map": map[string]any{"b": nil, "a": 1.5},
	}
	if got := maps.Collect(x.All()); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	if x.Len() != len(want) {
		t.Fatalf("Len = %d", x.Len())
	}
	for key, value := range want {
		if got, ok := x.Lookup(key); !ok || !reflect.DeepEqual(got, value) {
			t.Errorf("Lookup(%s) = %v, %v; want %v", key, got, ok, value)
		}
	}
	for _, key := range []string{"", "aaa", "int65", "zzz"} {
		if got, ok := x.Lookup(key); ok {
			t.Errorf("Lookup(%q) = %v", key, got)
		}
	}
	var keys []string
	for key := range x.All() {
		keys = append(keys, key)
	}
	if !slices.IsSorted(keys) {
		t.Fatalf("keys are not sorted: %q", keys)
	}
}

func TestIndexedStopsEarly(t *testing.T) {
	x := mustIndexed(t, map[string]any{"a": 1, "b": 2})
	for key := range x.All() {
		if key != "a" {
			t.Fatalf("the loop went on to %q", key)
		}
		break
	}
}

func TestEmptyIndexed(t *testing.T) {
	var zero resource.Indexed
	if x := mustIndexed(t, nil); x != zero || x.Len() != 0 {
		t.Fatalf("an empty map is not the zero Indexed")
	}
	if got := string(zero.AppendJSON(nil)) + string(zero.AppendMsgpack(nil)); got != "{}\x80" {
		t.Fatalf("got %q", got)
	}
	if _, ok := zero.Lookup("a"); ok {
		t.Fatal("the empty map has a key")
	}
}

// TestIndexedIsMadeCanonical reads maps that mean {"a": 1, "b": [1.5, at]} or
// the like in other bytes than the canonical ones.
func TestIndexedIsMadeCanonical(t *testing.T) {
	m := sampleMeta()
	m.IndexedData = opt.Of(resource.Indexed{})
	base := string(m.Append(resource.Msgpack, nil))
	want := "\x82\xa1a\x01\xa1b\x92\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xd6\xff\x00\x00\x00\x05"
	for name, raw := range map[string]string{
		"canonical":         want,
		"keys not sorted":   "\x82\xa1b\x92\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xd6\xff\x00\x00\x00\x05\xa1a\x01",
		"repeated key":      "\x83\xa1a\x05\xa1a\x01\xa1b\x92\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xd6\xff\x00\x00\x00\x05",
		"long key":          "\x82\xd9\x01a\x01\xa1b\x92\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xd6\xff\x00\x00\x00\x05",
		"long map":          "\xde\x00\x02\xa1a\x01\xa1b\x92\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xd6\xff\x00\x00\x00\x05",
		"long array":        "\x82\xa1a\x01\xa1b\xdd\x00\x00\x00\x02\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xd6\xff\x00\x00\x00\x05",
		"long int":          "\x82\xa1a\xcd\x00\x01\xa1b\x92\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xd6\xff\x00\x00\x00\x05",
		"signed int":        "\x82\xa1a\xd0\x01\xa1b\x92\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xd6\xff\x00\x00\x00\x05",
		"short float":       "\x82\xa1a\x01\xa1b\x92\xca\x3f\xc0\x00\x00\xd6\xff\x00\x00\x00\x05",
		"long timestamp":    "\x82\xa1a\x01\xa1b\x92\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xd7\xff\x00\x00\x00\x00\x00\x00\x00\x05",
		"timestamp with ns": "\x82\xa1a\x01\xa1b\x92\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xd7\xff\x00\x00\x04\x00\x00\x00\x00\x05",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := resource.DecodeMeta(resource.Msgpack, []byte(strings.Replace(base, "indexed_data\x80", "indexed_data"+raw, 1)))
			if err != nil {
				t.Fatal(err)
			}
			x, _ := got.IndexedData.Get()
			if b := x.AppendMsgpack(nil); !bytes.Equal(b, []byte(want)) {
				t.Fatalf("got %x, want %x", b, want)
			}
		})
	}
}

func TestIndexedRefuses(t *testing.T) {
	var deep any
	for range 70 {
		deep = []any{deep}
	}
	for name, values := range map[string]map[string]any{
		"a type":        {"k": struct{}{}},
		"a nested type": {"k": []any{1, map[string]any{"x": int8(1)}}},
		"depth":         {"k": deep},
		"bad text":      {"k": "\xff"},
		"bad key":       {"k": map[string]any{"\xff": 1}},
		"a far time":    {"k": time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if _, err := resource.NewIndexed(values); err == nil || !strings.Contains(err.Error(), `"k"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIndexedOfIsNewIndexed(t *testing.T) {
	values := []any{int64(1), "text", nil, map[string]any{"b": true, "a": []any{1.5}}}
	for _, keys := range [][]string{{}, {"a", "b"}, {"b", "a"}, {"a", "b.c", "c", "d"}, {"d", "a", "d", "b"}, {"", "é"}, {"\xff"}} {
		m := map[string]any{}
		for i, key := range keys {
			m[key] = values[i]
		}
		want, wantErr := resource.NewIndexed(m)
		got, err := resource.IndexedOf(keys, values[:len(keys)])
		if got != want || (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Errorf("%q give %v, %v; want %v, %v", keys, got, err, want, wantErr)
		}
	}
}

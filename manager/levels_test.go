package manager_test

import (
	"strings"
	"testing"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// TestThreeLevelsOfEquality shows what is promised of the hash of a payload that
// the original stores as stored: bytes that are given are never changed; a
// declared model gives the original's bytes for any spelling of the same data; a
// model known by name only does so for the original's own spelling at most.
func TestThreeLevelsOfEquality(t *testing.T) {
	const stored = `{"name":"Ann","age":7,"email":null,"tags":["a"],"address":null,"born":"2024-02-29","scores":{"a":1.0,"b":2.5},"level":"low"}`
	spellings := map[string]string{
		"as stored":        stored,
		"other spaces":     `{ "name" : "Ann", "age":7, "email":null,"tags":[ "a" ],"address":null,"born":"2024-02-29","scores":{"a":1.0,"b":2.5},"level":"low"}`,
		"escapes":          `{"name":"\u0041nn","age":7,"email":null,"tags":["a"],"address":null,"born":"2024-02-29","scores":{"a":1.0,"b":25e-1},"level":"low"}`,
		"other order":      `{"age":7,"name":"Ann","email":null,"tags":["a"],"address":null,"born":"2024-02-29","scores":{"b":2.5,"a":1.0},"level":"low"}`,
		"without defaults": `{"name":"Ann","age":7,"tags":["a"],"born":"2024-02-29","scores":{"a":1.0,"b":2.5}}`,
		"other numbers":    `{"name":"Ann","age":7,"email":null,"tags":["a"],"address":null,"born":"2024-02-29","scores":{"a":1,"b":2.5},"level":"low"}`,
	}
	byName := map[string]bool{"as stored": true, "other spaces": true, "escapes": true}
	s := openMemory(t)
	person := declareYAML(t, s, string(exampleFile(t, "person.yaml")))
	named := declare(t, s, storage.ModelInfo{Name: "named"})
	for name, text := range spellings {
		id := resource.ID("p:" + strings.ReplaceAll(name, " ", "-"))
		for level, m := range map[string]*manager.Manager{"declared": person, "by name only": named} {
			if _, err := m.Create(t.Context(), op("", id, text, "u", 0)); err != nil {
				t.Fatal(err)
			}
			r, err := m.Get(t.Context(), id, manager.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			equal := r.Info.DataHash.Or("") == resource.DataHash([]byte(stored))
			if want := m == person || byName[name]; equal != want {
				t.Errorf("%s, %s: stored %s", level, name, r.Data)
			}
		}
		given := op("", id+":given", "", "u", 0)
		given.Data, given.Payload = nil, []byte(text)
		if _, err := person.Create(t.Context(), given); err != nil {
			t.Fatal(err)
		}
		if r, err := person.Get(t.Context(), id+":given", manager.GetOptions{}); err != nil || string(r.Data) != text {
			t.Errorf("given bytes, %s: stored %s, %v", name, r.Data, err)
		}
	}
}

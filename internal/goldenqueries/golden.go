// Package goldenqueries has queries with the answers that the original's stores gave to
// them, and the rules by which answers differ from the original's on purpose.
package goldenqueries

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/specstar-worker/worker/resource"
)

// Query is a query with the answers of the original's stores.
type Query struct {
	Name string
	// Query is a ResourceMetaSearchQuery in JSON.
	Query json.RawMessage
	// Ordered: the ids of answers are in the order of the query, else sorted.
	Ordered bool
	Results map[string]json.RawMessage
}

// Answer is what a store of the original gave: ids, or an error.
type Answer struct {
	IDs   []resource.ID
	Error string
}

// Answer returns what a store answered: memory, sqlite, postgres or sqlalchemy_sqlite.
func (q Query) Answer(t testing.TB, store string) Answer {
	t.Helper()
	raw := q.Results[store]
	if q.sameAsMemory(store) {
		raw = q.Results["memory"]
	}
	var a Answer
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatalf("%s: answer of %s: %v", q.Name, store, err)
	}
	return a
}

func (q Query) sameAsMemory(store string) bool { return string(q.Results[store]) == `"same as memory"` }

// Want returns the ids that we answer: those of the original's memory store, and of its
// SQLite store where a rule makes a difference. Without an order they are sorted.
func (q Query) Want(t testing.TB) []resource.ID {
	t.Helper()
	store := "memory"
	if Differences[q.Name] != "" {
		store = "sqlite"
	}
	a := q.Answer(t, store)
	if a.Error != "" {
		t.Fatalf("%s: the original failed with %s: the query needs a rule", q.Name, a.Error)
	}
	if !q.Ordered {
		slices.Sort(a.IDs)
	}
	return a.IDs
}

// Agreed reports whether the original's memory, SQLite and PostgreSQL stores gave one
// answer.
func (q Query) Agreed() bool { return q.sameAsMemory("sqlite") && q.sameAsMemory("postgres") }

// Queries returns all queries.
func Queries(t testing.TB) []Query {
	t.Helper()
	f, err := os.Open(data(t, "queries.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ Queries []Query }
	if err := json.NewDecoder(z).Decode(&golden); err != nil {
		t.Fatal(err)
	}
	return golden.Queries
}

// Metas returns the metas that the queries were asked of.
func Metas(t testing.TB) []resource.Meta {
	t.Helper()
	b, err := os.ReadFile(data(t, "queries_dataset.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(b, &rows); err != nil {
		t.Fatal(err)
	}
	metas := make([]resource.Meta, len(rows))
	for i, row := range rows {
		if metas[i], err = resource.DecodeMeta(resource.JSON, row); err != nil {
			t.Fatal(err)
		}
	}
	return metas
}

// data returns the path of a file of the tests of package qb, from any package's
// directory.
func data(t testing.TB, name string) string {
	t.Helper()
	at, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		path := filepath.Join(at, "qb", "testdata", name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
		if at == filepath.Dir(at) {
			t.Fatalf("there is no qb/testdata/%s above the test", name)
		}
		at = filepath.Dir(at)
	}
}

package qb_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

type vectors struct {
	Leaf struct {
		Data map[string]any
		Rows [][]any
	} `json:"trivalent_leaf"`
	Groups [][]any `json:"trivalent_groups"`
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	f, err := os.Open("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var v vectors
	d := json.NewDecoder(f)
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// truthOf finds out with two queries whether a condition is true, false or
// unknown of m.
func truthOf(m resource.Meta, c qb.Cond) any {
	switch {
	case qb.Match(m, c):
		return true
	case qb.Match(m, qb.Not{c}):
		return false
	}
	return nil
}

// TestTruthOfSingleConditions compares with the original's evaluation. Where
// that fails (a TypeError ends its whole search) the condition is unknown here.
func TestTruthOfSingleConditions(t *testing.T) {
	v := readVectors(t)
	m := resource.Meta{IndexedData: opt.Of(indexed(t, v.Leaf.Data))}
	for _, row := range v.Leaf.Rows {
		field, op, operand, transform, want := row[0], row[1], row[2], row[3], row[4]
		b, err := json.Marshal(map[string]any{"conditions": []any{map[string]any{
			"field_path": field, "operator": op, "value": operand, "transform": transform,
		}}})
		if err != nil {
			t.Fatal(err)
		}
		q, err := qb.ParseQuery(b)
		if err != nil {
			t.Errorf("%v: %v", row, err)
			continue
		}
		if s, ok := want.(string); ok && strings.HasPrefix(s, "error") {
			want = nil
		}
		if got := truthOf(m, q.Where); got != want {
			t.Errorf("%v: %v", row, got)
		}
	}
}

func TestTruthOfGroups(t *testing.T) {
	m := resource.Meta{ResourceID: "r"}
	leaves := map[rune]qb.Cond{
		'T': qb.ResourceID().Eq("r"),
		'F': qb.ResourceID().Ne("r"),
		'U': qb.SchemaVersion().Eq("1"),
	}
	for _, row := range readVectors(t).Groups {
		var conds []qb.Cond
		for _, leaf := range row[0].(string) {
			conds = append(conds, leaves[leaf])
		}
		var group qb.Cond
		switch row[1] {
		case "and":
			group = qb.And(conds)
		case "or":
			group = qb.Or(conds)
		default:
			group = qb.Not(conds)
		}
		if got := truthOf(m, group); got != row[2] {
			t.Errorf("%v of %v is %v, want %v", row[1], row[0], got, row[2])
		}
	}
}

// indexed makes indexed data of decoded JSON whose numbers are json.Number.
func indexed(t *testing.T, values map[string]any) resource.Indexed {
	t.Helper()
	plain := make(map[string]any, len(values))
	for k, v := range values {
		plain[k] = v
		if n, ok := v.(json.Number); ok {
			plain[k] = numberOf(t, n)
		}
	}
	x, err := resource.NewIndexed(plain)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func numberOf(t *testing.T, n json.Number) any {
	t.Helper()
	if i, err := n.Int64(); err == nil {
		return i
	}
	f, err := n.Float64()
	if err != nil {
		t.Fatal(fmt.Errorf("number %s: %w", n, err))
	}
	return f
}

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/jobs"
)

const exampleModels = "../../examples/models/"

// TestSaveToADeclaredModel saves by the examples' declarations.
func TestSaveToADeclaredModel(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	lines := strings.Join([]string{
		`{"op":"create","resource_id":"person:1","data":{"age":7,"name":"Ann","address":{"zip":"1","city":"Taipei"}},"user":"u"}`,
		`{"op":"create","resource_id":"person:2","data":{"name":"Bob","age":"7"},"user":"u"}`,
		`{"op":"create","resource_id":"person:3","data":{"name":"Cid","age":7,"adress":null},"user":"u"}`,
	}, "\n")
	r := cliIn(t, lines, "save", "person", "--from", "-", "--models", exampleModels+"person.yaml", "--store", store, "-o", "json")
	var sum saveResult
	r.into(t, &sum)
	if r.code != exitPartly || sum.Done != 1 || sum.Refused != 2 {
		t.Fatalf("save = %d %+v", r.code, sum)
	}
	for i, want := range []string{
		`data of person:2: age: expected int, found the text "7"`,
		`data of person:3: field "adress" is not declared; did you mean "address"?`,
	} {
		if e := sum.Errors[i]; e.Line != i+2 || e.Code != "invalid" || e.Message != want {
			t.Errorf("error %d = %+v, want %s", i, e, want)
		}
	}
	var got struct{ Data json.RawMessage }
	cli(t, "get", "person", "person:1", "--store", store, "-o", "ndjson").into(t, &got)
	want := `{"name":"Ann","age":7,"email":null,"tags":[],"address":{"city":"Taipei","zip":"1","geo":null},"born":null,"scores":{},"level":"low"}`
	if string(got.Data) != want {
		t.Errorf("data = %s, want %s", got.Data, want)
	}
}

// TestBackfillOfIndexedFields declares an indexed field after rows were written.
func TestBackfillOfIndexedFields(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	cliIn(t, `{"op":"create","resource_id":"item:1","data":{"n":1,"label":"x","weight":1,"tags":[],"nested":{}},"user":"u"}`,
		"save", "item", "--from", "-", "--store", store).ok(t)
	found := func() string {
		return cli(t, "search", "item", "--query", `{"conditions":[{"field_path":"label","operator":"eq","value":"x"}]}`, "--store", store, "-o", "ids").ok(t)
	}
	if got := found(); got != "" {
		t.Fatalf("found before: %q", got)
	}
	var r jobs.BackfillOutcome
	cli(t, "backfill", "item", "--kind", "indexed_data", "--models", exampleModels+"item.yaml", "--store", store, "-o", "json").into(t, &r)
	if s := r.Models["item"]; s.Updated != 1 || s.Missing+s.Unchanged != 0 {
		t.Errorf("backfill = %+v", r)
	}
	if got := found(); got != "item:1\n" {
		t.Errorf("found after: %q", got)
	}
}

func TestABadDeclarationIsToldWithItsPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "models.yaml")
	if err := os.WriteFile(path, []byte("name: person\nfields:\n  - {name: age, type: strr}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"config"}, {"save", "person", "--from", "-"}, {"models"}} {
		r := cli(t, append(args, "--models", path, "--store", "sqlite:"+t.TempDir())...)
		if want := path + `:3:23: there is no type "strr"; did you mean "str"?`; r.code != exitUsage || !strings.Contains(r.stderr, want) {
			t.Errorf("%s: %d %s, want %s", args[0], r.code, r.stderr, want)
		}
	}
}

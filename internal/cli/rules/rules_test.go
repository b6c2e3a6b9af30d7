package rules_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/cli/rules"
	"github.com/specstar-worker/worker/jobs"
)

const example = `# two rules
rules:
  - name: index-after-load
    on:
      type: load.done
      model: ["sales-*", person]
      at_least: {loaded: 1000}
    job:
      kind: backfill
      lane: bulk
      args: {kind: indexed_data, models: ["{model}"]}
    debounce: 30s
  - name: migrate
    on: {kind: [load, save], state: done, user: importer, at_most: {refused: 0}}
    job: {kind: migrate, user: nightly, attempts: 3, args: {models: ["{models}"], history: true}}
    delay: 1h30m
`

func TestReadRules(t *testing.T) {
	got, err := rules.Parse("rules.yaml", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	want := []jobs.Rule{
		{
			Name: "index-after-load", Debounce: 30 * time.Second,
			On:  jobs.Filter{Types: []string{"load.done"}, Models: []string{"sales-*", "person"}, AtLeast: jobs.Counts{"loaded": 1000}},
			Job: json.RawMessage(`{"args":{"kind":"indexed_data","models":["{model}"]},"kind":"backfill","lane":"bulk"}`),
		},
		{
			Name: "migrate", Delay: 90 * time.Minute,
			On:  jobs.Filter{Kinds: []string{"load", "save"}, States: []string{"done"}, Users: []string{"importer"}, AtMost: jobs.Counts{"refused": 0}},
			Job: json.RawMessage(`{"args":{"history":true,"models":["{models}"]},"attempts":3,"kind":"migrate","user":"nightly"}`),
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v\nwant %+v", got, want)
	}
}

// TestWrongRulesAreToldWithTheirPlace changes one thing a time in a file that is right.
func TestWrongRulesAreToldWithTheirPlace(t *testing.T) {
	for _, tc := range []struct{ old, new, want string }{
		{"name: migrate", "name: index-after-load", `rules.yaml:13:5: rules[1].name: "index-after-load" is the name of another rule`},
		{"name: migrate", "name: fill", `rules[1].name: "fill" is the name of another rule`},
		{"name: migrate", "name: a b", "rules.yaml:13:5: rules[1].name: "},
		{"- name: migrate\n    on", "- on", "rules.yaml:13:7: rules[1].name: is missing"},
		{"delay: 1h30m", "delay: soon", "rules.yaml:16:5: rules[1].delay: a duration as 30s or 5m is expected"},
		{"delay: 1h30m", "delay: -1s", "rules.yaml:16:5: rules[1].delay: is negative"},
		{"delay: 1h30m", "deley: 1h", "rules.yaml:16:5: rules[1].deley: is not known; use debounce, delay, job, key, name, on"},
		{"delay: 1h30m", "key: x", "rules.yaml:16:5: rules[1].key: is for rules with debounce"},
		{"debounce: 30s", "debounce: 30s\n    delay: 1s", "rules.yaml:13:5: rules[0].delay: and debounce exclude each other"},
		{"type: load.done", "tpye: load.done", "rules.yaml:5:7: rules[0].on.tpye: is not known; use at_least, at_most, kind, model, state, type, user"},
		{"type: load.done", "type: [load.done, 7]", "rules.yaml:5:25: rules[0].on.type[1]: a text is expected"},
		{"      type: load.done\n", "", "rules.yaml:4:5: rules[0].on: names no type, kind or state"},
		{"loaded: 1000", "loaded: many", "rules.yaml:7:18: rules[0].on.at_least.loaded: an integer is expected"},
		{"kind: indexed_data", "kind: index", `rules.yaml:11:14: rules[0].job.args.kind: "index" is not`},
		{"kind: backfill", "kind: backfil", "rules.yaml:9:7: rules[0].job.kind: "},
		{`"{model}"`, `"{modell}"`, "rules.yaml:8:5: rules[0].job: {modell} is not known; use {model}, {models}"},
		{"lane: bulk", "id: x", "rules.yaml:10:7: rules[0].job.id: is the worker's to set"},
		{"lane: bulk", "unique: x", "rules.yaml:10:7: rules[0].job.unique: and debounce exclude each other"},
		{"history: true", "history: 1", "rules.yaml:15:83: rules[1].job.args.history: "},
		{"models: [\"{models}\"]", "models: []", "rules[1].job.args.models: "},
		{"rules:\n", "rulez:\n", "rules.yaml:2:1: rulez: is not known; use rules"},
		{"rules:\n", "rules: [\n", "rules.yaml:"},
		{"kind: [load, save]", "kind: &a [load]", "are not supported"},
		{"name: migrate", "name: migrate\n    name: other", `rules.yaml:14:5: mapping key "name" already defined`},
	} {
		if !strings.Contains(example, tc.old) {
			t.Fatalf("the example has no %q", tc.old)
		}
		_, err := rules.Parse("rules.yaml", []byte(strings.Replace(example, tc.old, tc.new, 1)))
		if _, is := errors.AsType[*rules.Error](err); !is || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q instead of %q: %v\nwant %s", tc.new, tc.old, err, tc.want)
		}
	}
}

func TestDigestIsOfWhatRulesSay(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := rules.Digest(path)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	one := write("one.yaml", example)
	if same := write("two.yaml", "# another comment\n"+example); same != one {
		t.Errorf("equal rules have the digests %s and %s", one, same)
	}
	if other := write("three.yaml", strings.Replace(example, "30s", "31s", 1)); other == one {
		t.Error("other rules have the same digest")
	}
	if empty := write("four.yaml", "# nothing\n"); empty == one || empty == "" {
		t.Errorf("a file without rules has the digest %q", empty)
	}
	for _, value := range []string{"", rules.Off} {
		if d, err := rules.Digest(value); d != value || err != nil {
			t.Errorf("Digest(%q) = %q, %v", value, d, err)
		}
	}
}

package main

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/specstar-worker/worker/jobs"
)

// trail returns what worker events lists.
func trail(t *testing.T, args ...string) (all []jobs.Event) {
	t.Helper()
	out := cli(t, append([]string{"events", "-o", "ndjson", "-q"}, args...)...).ok(t)
	for line := range strings.Lines(out) {
		var e jobs.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, e)
	}
	return all
}

func typesOf(events []jobs.Event) (types []string) {
	for _, e := range events {
		types = append(types, string(e.Type))
	}
	return types
}

// unsetRev returns how many rows of a store lack rev_* fields.
func unsetRev(t *testing.T, store string) (n int64) {
	t.Helper()
	var models []modelRow
	cli(t, "models", "-o", "json", "--store", store).into(t, &models)
	for _, m := range models {
		n += m.UnsetRev
	}
	return n
}

// TestALoadOfAnOldArchiveLeavesATrail: the archive of the version before rev_* is loaded,
// and all rows have them then: the load's end, the rule, the backfill's end.
func TestALoadOfAnOldArchiveLeavesATrail(t *testing.T) {
	for _, kind := range []string{"sqlite:", "sqlite+disk:"} {
		store := kind + t.TempDir()
		var r loadResult
		cli(t, "load", "testdata/small_0.8.5.acbak", "--store", store, "-o", "json", "-q").into(t, &r)
		if n := unsetRev(t, store); n != 0 {
			t.Fatalf("%s: %d rows lack rev_*", kind, n)
		}
		events := trail(t, "--store", store)
		if got := typesOf(events); !slices.Equal(got, []string{"load.done", "backfill.done"}) {
			t.Fatalf("%s: %v", kind, got)
		}
		load, fill := events[0], events[1]
		if load.Job != r.JobID || load.Counts["loaded"] == 0 || load.Cause != nil {
			t.Errorf("the load is told as %+v", load)
		}
		if c := fill.Cause; c == nil || c.Event != load.ID || c.Type != "load.done" || c.Rule() != jobs.RuleFill || fill.Parent != load.Row || fill.Counts["updated"] == 0 {
			t.Errorf("the backfill is told as %+v, cause %+v", fill, fill.Cause)
		}
		shown := cli(t, "jobs", "show", fill.Job, "--store", store).ok(t)
		if !strings.Contains(shown, "rule       fill\n") || !strings.Contains(shown, "event      load.done "+load.ID.String()) {
			t.Errorf("%s", shown)
		}
		if table := cli(t, "events", "--job", r.JobID, "--store", store).ok(t); strings.Count(table, "\n") != 3 || !strings.Contains(table, "backfill.done") {
			t.Errorf("%s", table)
		}
		if one := trail(t, "--store", store, "--type", "*.done", "--limit", "1"); len(one) != 1 {
			t.Errorf("%d events", len(one))
		}
		if none := trail(t, "--store", store, "--model", "nobody"); len(none) != 0 {
			t.Errorf("%d events", len(none))
		}
	}
}

// TestRulesOfAFile: a load starts what a rule says, which is waited for.
func TestRulesOfAFile(t *testing.T) {
	dir := t.TempDir()
	store, file := "sqlite:"+dir, filepath.Join(dir, "rules.yaml")
	text := "rules:\n" +
		"  - name: index\n    on: {type: load.done}\n    job: {kind: backfill, args: {kind: indexed_data, models: ['{model}']}}\n" +
		"  - name: round\n    on: {type: backfill.done, model: '*'}\n    job: {kind: backfill, args: {kind: indexed_data, models: ['{models}']}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var r loadResult
	cli(t, "load", "testdata/small.acbak", "--store", store, "--rules", file, "-o", "json", "-q").into(t, &r)
	if len(r.Caused) == 0 {
		t.Fatal("nothing was caused")
	}
	rules := map[string]int{}
	for _, e := range trail(t, "--store", store, "--type", "backfill.done") {
		rules[strings.Join(e.Cause.Rules, " ")]++
	}
	models := len(r.Models)
	if len(rules) != 2 || rules["index"] != models || rules["index round"] != models || len(r.Caused) != 2*models {
		t.Errorf("%d caused; of %d models: %v", len(r.Caused), models, rules)
	}
}

// TestASweepFindsRowsThatSomebodyWrote by SQL, and a second one leaves alone what cannot be
// completed.
func TestASweepFindsRowsThatSomebodyWrote(t *testing.T) {
	dir := t.TempDir()
	store := "sqlite:" + dir
	cli(t, "load", "testdata/small.acbak", "--store", store, "-q").ok(t)
	raw := func(query string) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(dir, "*.db"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%v, %v", files, err)
		}
		db, err := sql.Open("sqlite", files[0])
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	var models []modelRow
	cli(t, "models", "-o", "json", "--store", store).into(t, &models)
	table := strings.ReplaceAll(models[0].Name, "-", "_") + "_meta"
	raw(`UPDATE ` + table + ` SET rev_status = NULL, rev_created_by = NULL`)
	if unsetRev(t, store) == 0 {
		t.Fatal("no row lacks rev_*")
	}
	p := startRun(t, dir, "--sweep", "1s", "--backfill-at-start")
	eventually(t, "all rows to have rev_*", func() bool { return unsetRev(t, store) == 0 })
	// Events are told behind what they tell of: the rows may be complete before both are there.
	var found, fills []jobs.Event
	eventually(t, "the events of both", func() bool {
		found, fills = trail(t, "--store", store, "--type", "sweep.found"), trail(t, "--store", store, "--type", "backfill.done")
		return len(found) > 0 && len(fills) > 0
	})
	if len(found) != 1 || found[0].Counts["unset"] == 0 || !slices.Equal(found[0].ModelNames(), []string{models[0].Name}) {
		t.Errorf("%+v", found)
	}
	if len(fills) != 1 || fills[0].Cause == nil || fills[0].Cause.Event != found[0].ID || fills[0].Cause.Rule() != jobs.RuleFill {
		t.Errorf("%+v", fills)
	}
	p.kill()
}

// TestADeclarationOfMorePathsIsFilledIn: a worker starts with a declaration that indexes a
// path which it did not before, and rows get their values.
func TestADeclarationOfMorePathsIsFilledIn(t *testing.T) {
	dir := t.TempDir()
	store, file := "sqlite:"+dir, filepath.Join(dir, "models.yaml")
	declare := func(paths string) {
		text := "name: note\nencoding: json\nindexed_fields: [" + paths + "]\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	declare("a")
	cliIn(t, `{"op":"create","resource_id":"note:1","data":{"a":1,"b":2}}`, "save", "note", "--from", "-", "--store", store, "--models", file, "-q").ok(t)
	declare("a, b")
	p := startRun(t, dir, "--sweep", "off", "--models", file)
	count := func() string {
		return cli(t, "count", "note", "--where", "data.b = 2", "--store", store, "-o", "json").ok(t)
	}
	eventually(t, "the row to have its value", func() bool { return strings.Contains(count(), `"count":1`) || strings.Contains(count(), `"count": 1`) })
	var declared []jobs.Event // told behind the job that it leads to
	eventually(t, "the event", func() bool {
		declared = trail(t, "--store", store, "--models", file, "--type", "model.declared")
		return len(declared) > 0
	})
	if len(declared) != 1 || !slices.Equal(declared[0].Paths, []string{"b"}) {
		t.Errorf("%+v", declared)
	}
	p.kill()
}

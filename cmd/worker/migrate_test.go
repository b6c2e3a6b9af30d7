package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
)

// writeModels writes a models file and returns its path.
func writeModels(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "models.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMigrate migrates a store with the models file that the help shows.
func TestMigrate(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	save := func(models, lines string) {
		cliIn(t, lines, "save", "cat", "--from", "-", "--models", models, "--store", store).ok(t)
	}
	save(writeModels(t, "name: cat\nschema_version: \"1\"\n"), `{"op":"create","resource_id":"cat:1","data":{"name":"Al","colour":"red"},"user":"u"}
{"op":"update","resource_id":"cat:1","data":{"name":"Ali","colour":"red"},"user":"u"}
{"op":"create","resource_id":"cat:2","data":{"name":"Bo","lives":3},"user":"u"}`)
	models := writeModels(t, migrateExample)
	stats := func(want manager.MigrateStats, flags ...string) {
		t.Helper()
		var r jobs.MigrateOutcome
		got := cli(t, append([]string{"migrate", "cat", "--models", models, "--store", store, "-o", "json"}, flags...)...)
		got.ok(t)
		got.into(t, &r)
		if s := r.Models["cat"]; len(r.Models) != 1 || s.Migrated != want.Migrated || s.Unchanged != want.Unchanged || s.Failed != 0 {
			t.Errorf("migrate %v = %+v, want %+v", flags, r, want)
		}
	}
	stats(manager.MigrateStats{Migrated: 2})
	stats(manager.MigrateStats{})
	stats(manager.MigrateStats{Migrated: 1}, "--history")
	for id, want := range map[string]string{
		"cat:1": `{"full_name":"Ali","lives":9,"tags":["migrated"]}`,
		"cat:2": `{"full_name":"Bo","lives":3,"tags":["migrated"]}`,
	} {
		var got struct{ Data json.RawMessage }
		cli(t, "get", "cat", id, "--store", store, "-o", "ndjson").into(t, &got)
		if string(got.Data) != want {
			t.Errorf("%s = %s, want %s", id, got.Data, want)
		}
	}
	table := cli(t, "migrate", "cat", "--store", store).ok(t) // the declaration is remembered
	if !strings.Contains(table, "MIGRATED") || !strings.Contains(table, "cat") {
		t.Errorf("table %q", table)
	}
	job := strings.TrimSpace(cli(t, "submit", "migrate", "cat", "--history", "--store", store, "-q").ok(t))
	if list := cli(t, "jobs", "list", "--kind", "migrate", "--state", "queued", "--store", store, "-o", "ids").ok(t); strings.TrimSpace(list) != job {
		t.Errorf("queued are %q, want %s", list, job)
	}
	stats(manager.MigrateStats{}) // does what waits, too
	var shown struct {
		Kind, State string
		Outcome     jobs.MigrateOutcome
	}
	cli(t, "jobs", "show", job, "--store", store, "-o", "json").into(t, &shown)
	if _, ok := shown.Outcome.Models["cat"]; shown.Kind != "migrate" || shown.State != "done" || !ok {
		t.Errorf("jobs show = %+v", shown)
	}
}

// TestMigrateTellsWhatFailed: a cat at a version that nothing leads from.
func TestMigrateTellsWhatFailed(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	for version, line := range map[string]string{
		"1": `{"op":"create","resource_id":"cat:1","data":{"name":"Al"},"user":"u"}`,
		"x": `{"op":"create","resource_id":"cat:2","data":{"name":"Bo"},"user":"u"}`,
	} {
		models := writeModels(t, "name: cat\nschema_version: \""+version+"\"\n")
		cliIn(t, line, "save", "cat", "--from", "-", "--models", models, "--store", store).ok(t)
	}
	models := writeModels(t, migrateExample)
	r := cli(t, "migrate", "cat", "--models", models, "--store", store, "-o", "json")
	var got jobs.MigrateOutcome
	r.into(t, &got)
	s := got.Models["cat"]
	if r.code != exitPartly || s.Migrated != 1 || s.Failed != 1 || len(s.Failures) != 1 {
		t.Fatalf("migrate = %d %+v", r.code, got)
	}
	if f := s.Failures[0]; f.ResourceID != "cat:2" || f.Code != manager.CodeNoMigration || f.Message == "" {
		t.Errorf("failure %+v", f)
	}
	r = cli(t, "migrate", "cat", "--store", store, "-q")
	if want := `cat cat:2: no_migration: `; r.code != exitPartly || !strings.Contains(r.stderr, want) {
		t.Errorf("migrate -q = %d %q, want %q", r.code, r.stderr, want)
	}
}

func TestMigrateIsRefused(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	cliIn(t, `{"op":"create","resource_id":"note:1","data":{},"user":"u"}`, "save", "note", "--from", "-", "--store", store).ok(t)
	for _, c := range []struct{ model, code, says string }{
		{"nobody", codeModel, "nobody"},
		{"note", "no_migration", "model note declares no schema version to migrate to"},
	} {
		r := cli(t, "migrate", c.model, "--store", store, "-o", "json")
		if f := r.refusal(t); r.code != exitError || f.Code != c.code || !strings.Contains(f.Message, c.says) {
			t.Errorf("migrate %s = %d %+v", c.model, r.code, f)
		}
	}
	if r := cli(t, "migrate", "--store", store); r.code != exitUsage {
		t.Errorf("migrate of nothing = %d %s", r.code, r.stderr)
	}
}

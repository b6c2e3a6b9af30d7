package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
)

// TestDryRunsAndRates of a backfill and a migration, through the queue.
func TestDryRunsAndRates(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	declare := func(yaml string) string {
		path := filepath.Join(t.TempDir(), "models.yaml")
		if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	v1 := declare("name: cat\nschema_version: \"1\"\nfields: [{name: name, type: str}]\n")
	lines := strings.Repeat(`{"op":"create","data":{"name":"Al"},"user":"u"}`+"\n", 3)
	cliIn(t, lines, "save", "cat", "--from", "-", "--store", store, "--models", v1).ok(t)
	v2 := declare("name: cat\nschema_version: \"2\"\nfields: [{name: name, type: str}]\nindexed_fields: [name]\n" +
		"migrations: [{from: \"1\", to: \"2\", steps: [{set: {path: name, value: Bo}}]}]\n")

	fill := func(want jobs.BackfillOutcome, args ...string) {
		t.Helper()
		var got jobs.BackfillOutcome
		cli(t, append([]string{"backfill", "cat", "--kind", "indexed_data", "--store", store, "--models", v2, "--rules", "off", "-o", "json"}, args...)...).into(t, &got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", args, diff)
		}
	}
	updated := map[string]manager.BackfillStats{"cat": {Updated: 3}}
	fill(jobs.BackfillOutcome{Models: updated, DryRun: true}, "--dry-run")
	fill(jobs.BackfillOutcome{Models: updated}, "--rate", "1000")
	fill(jobs.BackfillOutcome{Models: map[string]manager.BackfillStats{"cat": {Unchanged: 3}}})

	migrate := func(want jobs.MigrateOutcome, args ...string) {
		t.Helper()
		var got jobs.MigrateOutcome
		cli(t, append([]string{"migrate", "cat", "--store", store, "-o", "json"}, args...)...).into(t, &got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", args, diff)
		}
	}
	migrated := map[string]manager.MigrateStats{"cat": {Migrated: 3}}
	migrate(jobs.MigrateOutcome{Models: migrated, DryRun: true}, "--dry-run", "--rate", "1000")
	migrate(jobs.MigrateOutcome{Models: migrated})
	if table := cli(t, "migrate", "cat", "--store", store, "--dry-run"); !strings.Contains(table.stderr, "nothing was written") || table.code != exitOK {
		t.Errorf("%+v", table)
	}
	for _, command := range [][]string{{"backfill"}, {"migrate", "cat"}, {"submit", "backfill"}, {"submit", "migrate", "cat"}} {
		for _, rate := range []string{"-1", "10000001"} {
			if r := cli(t, append(command, "--store", store, "--rate", rate)...); r.code != exitUsage || !strings.Contains(r.stderr, "--rate "+rate) {
				t.Errorf("%v at %s: exit code %d: %s", command, rate, r.code, r.stderr)
			}
		}
	}
}

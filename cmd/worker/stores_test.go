package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// secret is a password that nothing may show.
const secret = "hunter2"

func TestRemovedFactoriesInAConfigurationNameTheirReplacement(t *testing.T) {
	for text, want := range map[string]string{
		"storage_factory: PostgreSQLStorageFactory\n":                            "use PostgreSQLS3StorageFactory",
		"PostgreSQLDiskS3StorageFactory:\n  s3_bucket: b\n  password: hunter2\n": "use PostgresDiskS3StorageFactory",
		"store: PostgreSQLStorageFactory\n":                                      "or PostgresStorageFactory, which is --store postgres://HOST/DATABASE",
		"factory: [PostgresStorageFactory, hunter2]\n":                           "PostgresStorageFactory is --store postgres://HOST/DATABASE",
	} {
		path := filepath.Join(t.TempDir(), "worker.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := cli(t, "models", "--config", path)
		if r.code != exitUsage || !strings.Contains(r.stderr, want) || strings.Contains(r.stderr, secret) {
			t.Errorf("configuration %q = %d %s; want %q", text, r.code, r.stderr, want)
		}
	}
}

func TestStoreSettingsComeFromTheEnvironmentAndTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "worker.yaml")
	if err := os.WriteFile(path, []byte("objects: s3://bucket/p?region=eu\nno-migrate: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SPECSTAR_STORE", "postgres://u:hunter2@h/db?sslmode=disable")
	t.Setenv("SPECSTAR_REVISIONS", "disk:/srv/revisions")
	var got []setting
	r := cli(t, "config", "--config", path, "-o", "json")
	r.into(t, &got)
	values := map[string]string{}
	for _, s := range got {
		values[s.Name] = s.Value
	}
	for name, want := range map[string]string{
		"store": "postgres://u:***@h/db?sslmode=disable", "objects": "s3://bucket/p?region=eu",
		"revisions": "disk:/srv/revisions", "no-migrate": "true", "data": "data",
	} {
		if values[name] != want {
			t.Errorf("%s = %q; want %q", name, values[name], want)
		}
	}
	if strings.Contains(r.stdout+r.stderr, secret) {
		t.Error("the password is shown")
	}
}

// TestADownServerIsUnavailable: every command that opens the store ends with the
// code of an outage, names the host, shows no password and makes nothing.
func TestADownServerIsUnavailable(t *testing.T) {
	for _, args := range [][]string{
		{"models"},
		{"search", "m"},
		{"count", "m"},
		{"get", "m", "x"},
		{"verify"},
		{"dump", "--out", "-"},
		{"jobs", "list"},
		{"jobs", "retry", "x"},
		{"gc"},
		{"check"},
		{"plan", "testdata/small.acbak"},
		{"load", "testdata/small.acbak"},
		{"backfill"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			args := append(args, "--store", "postgres://u:hunter2@127.0.0.1:1/db?connect_timeout=5", "--data", data)
			r := cli(t, args...)
			if r.code != exitUnavailable || !strings.Contains(r.stderr, "127.0.0.1:1") || !strings.Contains(r.stderr, "check that it runs") {
				t.Fatalf("%v = %+v", args, r)
			}
			if strings.Contains(r.stderr+r.stdout, secret) {
				t.Fatal("the password is shown")
			}
			r = cli(t, append(args, "-o", "json")...)
			if f := r.refusal(t); f.Code != codeUnavailable {
				t.Fatalf("%v -o json = %+v", args, f)
			}
			// Only who needs the queue has looked for its owner.
			if entries, err := os.ReadDir(filepath.Join(data, ".worker")); err == nil && len(entries) > 1 {
				t.Fatalf("made in the data directory: %v", entries)
			}
		})
	}
}

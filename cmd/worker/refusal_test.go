package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUsageErrors(t *testing.T) {
	models := filepath.Join(t.TempDir(), "models.yaml")
	if err := os.WriteFile(models, []byte("models:\n  - name: a\n    colour: red\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wrongRules := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(wrongRules, []byte("rules:\n  - name: a\n    onn: {kind: load}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"unknown command", []string{"fly"}, "fly"},
		{"unknown flag", []string{"models", "--colour"}, "--colour"},
		{"missing argument", []string{"load"}, "arg"},
		{"too many arguments", []string{"count", "a", "b"}, "arg"},
		{"output format", []string{"models", "--output", "xml"}, "ndjson"},
		{"log level", []string{"models", "--log-level", "loud"}, "debug"},
		{"store of another kind", []string{"models", "--store", "mysql://u:secret@h/d"}, "sqlite:DIR, sqlite+disk:DIR, disk:DIR, postgres://HOST/DATABASE or memory:"},
		{"connection string", []string{"models", "--store", "postgres://u:secret@h:port/d"}, "port"},
		{"ambiguous password", []string{"models", "--store", "postgres://u:1/secret@h/d"}, "percent-encode"},
		{"layout", []string{"models", "--store", "postgres://u:secret@h/d?layout=mine"}, "native or sqlalchemy"},
		{"removed factory", []string{"models", "--store", "PostgreSQLDiskS3StorageFactory"}, "use PostgresDiskS3StorageFactory, which is --store postgres://HOST/DATABASE --revisions disk:DIR --objects s3://BUCKET"},
		{"objects of sqlite", []string{"models", "--objects", "s3://bucket"}, "leave --objects out"},
		{"revisions of memory", []string{"models", "--store", "memory:", "--revisions", "disk:x"}, "leave --revisions out"},
		{"objects elsewhere", []string{"models", "--store", "postgres://h/d", "--objects", "gs://secret"}, "s3://BUCKET"},
		{"objects with credentials", []string{"models", "--store", "postgres://h/d", "--objects", "s3://key:secret@bucket"}, "AWS_ACCESS_KEY_ID"},
		{"revisions in S3", []string{"models", "--store", "postgres://h/d", "--revisions", "s3://bucket"}, "leave --revisions out"},
		{"no tables for sqlite", []string{"models", "--no-migrate"}, "leave it out"},
		{"store without directory", []string{"models", "--store", "sqlite:"}, "sqlite:DIR"},
		{"rules file", []string{"run", "--rules", "rules.yaml"}, "--rules: read rules: open rules.yaml: "},
		{"a wrong rule", []string{"run", "--rules", wrongRules}, ":3:5: rules[0].onn: is not known; use "},
		{"encoding", []string{"models", "--encoding", "xml"}, "json or msgpack"},
		{"configuration", []string{"models", "--config", models}, "models.yaml:1:1: "},
		{"on duplicate", []string{"load", "x", "--on-duplicate", "merge"}, "raise_error"},
		{"allow", []string{"load", "x", "--allow", "all"}, "missing_revision"},
		{"dump without file", []string{"dump"}, "--out"},
		{"dump with query of all", []string{"dump", "--out", "-", "--query", "{}"}, "--model"},
		{"save without file", []string{"save", "m"}, "--from"},
		{"query that is no JSON", []string{"search", "m", "--query", "{"}, "--query"},
		{"sort key", []string{"search", "m", "--sort", "colour"}, "colour"},
		{"negative limit", []string{"search", "m", "--limit", "-1"}, "negative"},
		{"backfill kind", []string{"backfill", "--kind", "everything"}, "revision_meta"},
		{"job state", []string{"jobs", "list", "--state", "sleeping"}, "queued"},
		{"jobs without verb", []string{"jobs"}, "jobs list"},
		{"drop nothing", []string{"jobs", "drop"}, "--all"},
		{"drop both", []string{"jobs", "drop", "x", "--all"}, "not both"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := tc.args
			if !strings.Contains(strings.Join(args, " "), "--store") {
				args = append(args, "--store", "sqlite:"+filepath.Join(t.TempDir(), "s"))
			}
			r := cli(t, args...)
			message, lines := strings.TrimSpace(r.stderr), 0
			if strings.HasSuffix(message, "^") {
				lines = 2 // the text and the place in it
			}
			if r.code != exitUsage || r.stdout != "" || !strings.Contains(message, tc.want) || strings.Count(message, "\n") != lines {
				t.Fatalf("%v = %+v; want one line with %q and exit code 2", args, r, tc.want)
			}
			if strings.Contains(r.stderr, "secret") {
				t.Fatal("a password is shown")
			}
			if tc.name == "output format" {
				return
			}
			j := cli(t, append(args, "-o", "json")...)
			if f := j.refusal(t); j.code != exitUsage || f.Code != codeUsage {
				t.Fatalf("%v -o json = %d %+v", args, j.code, f)
			}
		})
	}
}

func TestBadModelsFileIsRefusedWithItsPlace(t *testing.T) {
	models := filepath.Join(t.TempDir(), "models.yaml")
	if err := os.WriteFile(models, []byte("models:\n  - name: a\n    colour: red\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{models, filepath.Join(t.TempDir(), "none.yaml")} {
		r := cli(t, "load", "testdata/small.acbak", "--models", path, "--store", "sqlite:"+t.TempDir())
		if r.code == exitOK || !strings.Contains(r.stderr, path) {
			t.Fatalf("load with --models %s = %+v", path, r)
		}
	}
}

func TestStrictModels(t *testing.T) {
	models := filepath.Join(t.TempDir(), "models.yaml")
	if err := os.WriteFile(models, []byte("models: [{name: person}, {name: document}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	store := "sqlite:" + t.TempDir()
	r := cli(t, "load", "testdata/small.acbak", "--strict-models", "--models", models, "--store", store, "-o", "json")
	if f := r.refusal(t); r.code != exitError || f.Code != codeModel || !strings.Contains(f.Message, "sales-order") {
		t.Fatalf("load = %d %+v", r.code, f)
	}
	cli(t, "load", "testdata/small.acbak", "--strict-models", "--allow", "unknown_model", "--store", store).ok(t)
}

// TestDamagedArchives damages the small archive in several ways; each load must
// be refused with code and offset, and leave nothing behind.
func TestDamagedArchives(t *testing.T) {
	good, err := os.ReadFile("testdata/small.acbak")
	if err != nil {
		t.Fatal(err)
	}
	flip := func(at int) []byte {
		b := append([]byte{}, good...)
		b[at] ^= 0xff
		return b
	}
	for _, tc := range []struct {
		name, code string
		content    []byte
		offset     int64 // -1: any
	}{
		{"empty", "archive_truncated", nil, 0},
		{"cut in the first frame", "archive_truncated", good[:10], 0},
		{"cut in the middle", "archive_truncated", good[:len(good)/2], -1},
		{"without its end", "archive_truncated", good[:len(good)-9], -1},
		{"trailing bytes", "", append(append([]byte{}, good...), "more"...), int64(len(good))},
		{"a payload byte changed", "archive_corrupt", flip(bytes.Index(good, []byte("Spec v2"))), -1},
		{"text", "archive_corrupt", []byte("hello, I am no archive at all\n"), 0},
		{"gzip cut", "archive_truncated", mustRead(t, gzipped(t, good))[:2000], -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bad.acbak")
			if err := os.WriteFile(path, tc.content, 0o600); err != nil {
				t.Fatal(err)
			}
			store := "sqlite:" + t.TempDir()
			r := cli(t, "load", path, "--store", store, "-o", "json")
			f := r.refusal(t)
			if r.code != exitError || f.Offset == nil || !strings.HasPrefix(f.Code, "archive_") ||
				tc.code != "" && f.Code != tc.code || tc.offset >= 0 && *f.Offset != tc.offset {
				t.Fatalf("load = %d %+v (offset %v); want code %s, offset %d", r.code, f, f.Offset, tc.code, tc.offset)
			}
			if n := resources(t, store); n != 0 {
				t.Fatalf("%d resources of a refused archive are in the store", n)
			}
			v := cli(t, "verify", path, "-o", "json")
			var found struct {
				OK       bool
				Problems []struct {
					Code   string
					Offset int64
				}
			}
			v.into(t, &found)
			if v.code != exitProblems || found.OK || len(found.Problems) == 0 ||
				found.Problems[0].Code != f.Code || found.Problems[0].Offset != *f.Offset {
				t.Fatalf("verify = %d %+v; want what load says: %s at %d", v.code, found, f.Code, *f.Offset)
			}
		})
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLoadRefusals(t *testing.T) {
	store := loaded(t)
	t.Run("duplicates", func(t *testing.T) {
		before := dumpOf(t, store)
		r := cli(t, "load", "testdata/small.acbak", "--store", store, "-o", "json")
		if f := r.refusal(t); r.code != exitError || f.Code != codeDuplicate || f.JobID == "" || !strings.Contains(f.Message, "person:p1") {
			t.Fatalf("load = %d %+v", r.code, f)
		}
		if string(dumpOf(t, store)) != string(before) {
			t.Fatal("a refused load changed the store")
		}
	})
	t.Run("skip and overwrite", func(t *testing.T) {
		var skip, over loadResult
		cli(t, "load", "testdata/small.acbak", "--store", store, "--on-duplicate", "skip", "-o", "json").into(t, &skip)
		cli(t, "load", "testdata/small.acbak", "--store", store, "--on-duplicate", "overwrite", "--model", "person", "-o", "json").into(t, &over)
		if skip.Models["person"].Skipped != 8 || over.Models["person"].Loaded != 8 || len(over.Models) != 1 {
			t.Fatalf("skip = %+v, overwrite = %+v", skip, over)
		}
	})
	for name, path := range map[string]string{
		"a directory": t.TempDir(), "no such file": filepath.Join(t.TempDir(), "none.acbak"),
	} {
		t.Run(name, func(t *testing.T) {
			r := cli(t, "load", path, "--store", store)
			if r.code != exitError || !strings.Contains(r.stderr, path) {
				t.Fatalf("load = %+v", r)
			}
		})
	}
	t.Run("a model that the archive lacks", func(t *testing.T) {
		r := cli(t, "load", "testdata/small.acbak", "--model", "nobody", "--store", store, "-o", "json")
		if f := r.refusal(t); r.code != exitError || f.Code != codeModel {
			t.Fatalf("load = %d %+v", r.code, f)
		}
	})
}

func TestNotFound(t *testing.T) {
	store := loaded(t)
	for _, tc := range []struct {
		args []string
		code string
		want string
	}{
		{[]string{"get", "person", "person:none"}, codeNotFound, "person:none"},
		{[]string{"get", "person", "person:p1", "--revision", "person:p1:9"}, codeNotFound, "person:p1:9"},
		{[]string{"get", "nobody", "x"}, codeModel, "person"},
		{[]string{"search", "nobody"}, codeModel, "sales-order"},
		{[]string{"count", "nobody"}, codeModel, "document"},
		{[]string{"revisions", "person", "person:none"}, codeNotFound, "person:none"},
		{[]string{"dump", "--out", filepath.Join(t.TempDir(), "x"), "--model", "nobody"}, codeModel, "nobody"},
		{[]string{"jobs", "show", "none"}, codeNotFound, "none"},
		{[]string{"verify", filepath.Join(t.TempDir(), "none")}, codeFile, "none"},
	} {
		r := cli(t, append(tc.args, "--store", store, "-o", "json")...)
		if f := r.refusal(t); r.code != exitError || f.Code != tc.code || !strings.Contains(f.Message, tc.want) {
			t.Errorf("%v = %d %+v; want %s with %q", tc.args, r.code, f, tc.code, tc.want)
		}
	}
}

func TestDumpWhereItCannotBeWritten(t *testing.T) {
	store := loaded(t)
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "no", "such", "dir.acbak"), "/dev/full"} {
		r := cli(t, "dump", "--out", path, "--store", store)
		if r.code != exitError || !strings.Contains(r.stderr, path) {
			t.Errorf("dump --out %s = %+v", path, r)
		}
	}
}

func TestAnUnreachableQueueIsAnUnavailableService(t *testing.T) {
	r := cli(t, "load", "testdata/small.acbak", "--nats", "nats://secret@127.0.0.1:1", "--store", "sqlite:"+t.TempDir(), "-o", "json")
	if f := r.refusal(t); r.code != exitUnavailable || f.Code != codeUnavailable || strings.Contains(f.Message, "secret") {
		t.Fatalf("load = %d %+v", r.code, f)
	}
}

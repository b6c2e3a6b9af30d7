package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// loaded returns a store with the small golden archive in it.
func loaded(t *testing.T) (store string) {
	t.Helper()
	store = "sqlite:" + filepath.Join(t.TempDir(), "data")
	cli(t, "load", "testdata/small.acbak", "--store", store, "-q").ok(t)
	return store
}

func TestLoadAndDumpAreTheSameAgain(t *testing.T) {
	var r loadResult
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	cli(t, "load", "testdata/small.acbak", "--store", store, "-o", "json").into(t, &r)
	p := r.Models["person"]
	if r.JobID == "" || r.State != "done" || p.Loaded != 8 || p.Skipped != 0 || p.Total != 8 || p.Revisions != 13 || r.Models["document"].Blobs != 3 {
		t.Fatalf("load = %+v", r)
	}
	if left, err := os.ReadDir(filepath.Join(strings.TrimPrefix(store, "sqlite:"), ".worker", "uploads")); err != nil || len(left) != 0 {
		t.Fatalf("uploads after the load: %v, %v", left, err)
	}
	first := dumpOf(t, store)
	if !bytes.Equal(first, dumpOf(t, store)) {
		t.Fatal("two dumps of the same content differ")
	}
	path := filepath.Join(t.TempDir(), "first.acbak")
	if err := os.WriteFile(path, first, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"plain": {path}, "standard input": {"-"}, "gzip": {gzipped(t, first)},
	} {
		t.Run(name, func(t *testing.T) {
			second := "sqlite:" + t.TempDir()
			cliIn(t, string(first), append([]string{"load", "--store", second}, args...)...).ok(t)
			if !bytes.Equal(first, dumpOf(t, second)) {
				t.Fatal("the dump of what was loaded differs")
			}
		})
	}
}

func gzipped(t *testing.T, b []byte) string {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.acbak.gz")
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDumpToStandardOutput(t *testing.T) {
	store := loaded(t)
	r := cli(t, "dump", "--out", "-", "--store", store, "-o", "json")
	if r.stdout != string(dumpOf(t, store)) || r.code != exitOK {
		t.Fatalf("dump --out - gave %d bytes, exit code %d", len(r.stdout), r.code)
	}
	var s struct {
		Models map[string]struct{ Metas, Revisions, Blobs int64 }
		Bytes  int64
	}
	if err := json.Unmarshal([]byte(r.stderr), &s); err != nil || s.Bytes != int64(len(r.stdout)) || s.Models["person"].Metas != 8 {
		t.Fatalf("summary = %s, %v", r.stderr, err)
	}
}

func TestDumpOfAQuery(t *testing.T) {
	store := loaded(t)
	out := filepath.Join(t.TempDir(), "x.acbak")
	var s struct {
		Models map[string]struct{ Metas int64 }
	}
	cli(t, "dump", "--out", out, "--model", "person", "--query", `{"conditions":[{"field_path":"age","operator":"gt","value":30}]}`,
		"--store", store, "-o", "json").into(t, &s)
	if len(s.Models) != 1 || s.Models["person"].Metas == 0 || s.Models["person"].Metas == 8 {
		t.Fatalf("dump = %+v", s)
	}
	if r := cli(t, "verify", out, "-o", "json"); r.code != exitOK || !strings.Contains(r.stdout, `"ok": true`) {
		t.Fatalf("verify = %+v", r)
	}
}

func TestReaders(t *testing.T) {
	store := loaded(t)
	t.Run("models", func(t *testing.T) {
		got := cli(t, "models", "--store", store, "-o", "json").ok(t)
		want := `[
{"name":"document","metas":3,"revisions":4,"unset_rev":0,"encoding":"json","schema_version":null,"indexed_fields":["title"],"unique_fields":[],"declared":false},
{"name":"person","metas":8,"revisions":13,"unset_rev":0,"encoding":"json","schema_version":null,"indexed_fields":["address.city","age","level","name","tags"],"unique_fields":[],"declared":false},
{"name":"sales-order","metas":2,"revisions":3,"unset_rev":0,"encoding":"msgpack","schema_version":null,"indexed_fields":["number"],"unique_fields":[],"declared":false}
]
`
		if got != want {
			t.Fatalf("models = %s; want %s", got, want)
		}
	})
	t.Run("search", func(t *testing.T) {
		var metas []map[string]any
		cli(t, "search", "person", "--query", `{"rev_statuses":["draft"]}`, "--store", store, "-o", "json").into(t, &metas)
		if len(metas) != 1 || metas[0]["resource_id"] != "person:p4" || metas[0]["rev_status"] != "draft" || metas[0]["is_deleted"] != false {
			t.Fatalf("search = %v", metas)
		}
		ids := cli(t, "search", "person", "--sort", "-resource_id", "--limit", "2", "--offset", "1", "-o", "ids", "--store", store).ok(t)
		if ids != "person:p6\nperson:p5\n" {
			t.Fatalf("ids = %q", ids)
		}
		lines := cli(t, "search", "person", "-o", "ndjson", "--store", store).ok(t)
		if n := strings.Count(lines, "\n"); n != 8 || !strings.HasPrefix(lines, `{"current_revision_id":`) {
			t.Fatalf("ndjson of %d lines: %s", n, lines)
		}
	})
	t.Run("query from a file and from standard input", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "q.json")
		query := `{"is_deleted":true}`
		if err := os.WriteFile(path, []byte(query), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, arg := range []string{"@" + path, "-", query} {
			var c struct{ Count int64 }
			cliIn(t, query, "count", "person", "--query", arg, "--store", store, "-o", "json").into(t, &c)
			if c.Count != 1 {
				t.Fatalf("count with --query %s = %+v", arg, c)
			}
		}
	})
	t.Run("get", func(t *testing.T) {
		var r struct {
			Meta, Info, Data map[string]any
		}
		cli(t, "get", "person", "person:p1", "--revision", "person:p1:1", "--store", store, "-o", "json").into(t, &r)
		if r.Meta["current_revision_id"] != "person:p1:2" || r.Info["revision_id"] != "person:p1:1" || r.Data["name"] == nil {
			t.Fatalf("get = %+v", r)
		}
		order := cli(t, "get", "sales-order", firstID(t, store, "sales-order"), "--store", store).ok(t)
		if !strings.Contains(order, `"lines"`) {
			t.Fatalf("a msgpack payload is shown as %s", order)
		}
	})
	t.Run("revisions", func(t *testing.T) {
		var infos []map[string]any
		cli(t, "revisions", "person", "person:p1", "--store", store, "-o", "json").into(t, &infos)
		if len(infos) != 3 || infos[0]["revision_id"] != "person:p1:1" || infos[2]["revision_id"] != "person:p1:3" {
			t.Fatalf("revisions = %v", infos)
		}
	})
	t.Run("verify", func(t *testing.T) {
		var f struct {
			OK       bool
			Problems []any
		}
		cli(t, "verify", "--store", store, "-o", "json").into(t, &f)
		if !f.OK || f.Problems == nil || len(f.Problems) != 0 {
			t.Fatalf("verify = %+v", f)
		}
	})
	t.Run("plan", func(t *testing.T) {
		var p struct{ Models map[string]modelPlan }
		cli(t, "plan", "testdata/small.acbak", "--store", store, "-o", "json").into(t, &p)
		if p.Models["person"] != (modelPlan{Same: 8}) {
			t.Fatalf("plan = %+v", p)
		}
		cli(t, "plan", "testdata/small.acbak", "--store", "sqlite:"+t.TempDir(), "-o", "json").into(t, &p)
		if p.Models["person"] != (modelPlan{New: 8}) {
			t.Fatalf("plan into an empty store = %+v", p)
		}
		cli(t, "plan", "testdata/small_0.8.5.acbak", "--store", store, "-o", "json").into(t, &p)
		if p.Models["person"] != (modelPlan{New: 1, Different: 7}) {
			t.Fatalf("plan of an older archive = %+v", p)
		}
	})
	t.Run("tables", func(t *testing.T) {
		for _, args := range [][]string{
			{"models"},
			{"indexes"},
			{"search", "person"},
			{"get", "person", "person:p1"},
			{"revisions", "person", "person:p1"},
			{"plan", "testdata/small.acbak"},
			{"jobs", "list"},
			{"config"},
			{"count", "person"},
		} {
			if out := cli(t, append(args, "--store", store)...).ok(t); out == "" || strings.HasPrefix(out, "{") {
				t.Errorf("%v prints %q", args, out)
			}
		}
	})
}

func firstID(t *testing.T, store, model string) string {
	t.Helper()
	return strings.TrimSpace(cli(t, "search", model, "--limit", "1", "-o", "ids", "--store", store).ok(t))
}

func TestAStoreThatIsNotThereIsEmptyAndStaysSo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nothing")
	store := "sqlite:" + dir
	out := filepath.Join(t.TempDir(), "empty.acbak")
	var dump struct {
		Models map[string]any
		Bytes  int64
	}
	cli(t, "dump", "--out", out, "--store", store, "-o", "json").into(t, &dump)
	if dump.Models == nil || len(dump.Models) != 0 || dump.Bytes == 0 {
		t.Fatalf("dump = %+v", dump)
	}
	cli(t, "verify", out).ok(t)
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"search", "person"}, "[]"},
		{[]string{"models"}, "[]"},
		{[]string{"indexes"}, "[]"},
		{[]string{"indexes", "--make"}, "[]"},
		{[]string{"jobs", "list"}, "[]"},
		{[]string{"count", "person"}, `"count": 0`},
		{[]string{"verify"}, `"ok": true`},
		{[]string{"gc"}, `"candidates": 0`},
		{[]string{"gc", "--delete"}, `"removed": 0`},
		{[]string{"dump", "--out", out, "--model", "person"}, `"models": {}`},
	} {
		if got := cli(t, append(tc.args, "--store", store, "-o", "json")...).ok(t); !strings.Contains(got, tc.want) {
			t.Errorf("%v = %s; want %s", tc.args, got, tc.want)
		}
	}
	for _, args := range [][]string{
		{"get", "person", "person:p1"},
		{"revisions", "person", "person:p1"},
		{"jobs", "show", "x"},
		{"jobs", "cancel", "x"},
		{"jobs", "drop", "x"},
		{"jobs", "retry", "x"},
		{"jobs", "watch", "x"},
	} {
		r := cli(t, append(args, "--store", store, "-o", "json")...)
		if f := r.refusal(t); r.code != exitError || f.Code != codeNotFound {
			t.Errorf("%v = %d %+v; want not_found", args, r.code, f)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Fatalf("a reader made %s", dir)
	}
}

func TestBackfill(t *testing.T) {
	store := "sqlite:" + t.TempDir()
	var l loadResult
	cli(t, "load", "testdata/small_0.8.5.acbak", "--store", store, "--rules", "off", "-o", "json").into(t, &l)
	if len(l.Caused) != 0 {
		t.Fatalf("with --rules off a load caused %+v", l.Caused)
	}
	var r struct {
		Models map[string]struct{ Updated, Missing, Unchanged int64 }
	}
	cli(t, "backfill", "person", "--store", store, "-o", "json").into(t, &r)
	if len(r.Models) != 1 || r.Models["person"].Updated != 8 {
		t.Fatalf("backfill person = %+v", r)
	}
	cli(t, "backfill", "--store", store, "-o", "json", "--kind", "revision_meta").into(t, &r)
	if r.Models["person"].Updated != 0 || r.Models["document"].Updated != 3 {
		t.Fatalf("backfill = %+v", r)
	}
	res := cli(t, "backfill", "nobody", "--store", store, "-o", "json")
	if f := res.refusal(t); res.code != exitError || f.Code != codeModel {
		t.Fatalf("backfill of an unknown model = %d %+v", res.code, f)
	}
}

func TestInMemoryEverythingRuns(t *testing.T) {
	cli(t, "load", "testdata/small.acbak", "--store", "memory:").ok(t)
	cliIn(t, `{"op":"create","resource_id":"n:1","data":{},"user":"u"}`, "save", "n", "--from", "-", "--store", "memory:").ok(t)
	if got := cli(t, "models", "--store", "memory:", "-o", "json").ok(t); got != "[]\n" {
		t.Fatalf("models = %q", got)
	}
}

func TestVersionConfigAndCompletion(t *testing.T) {
	var b build
	cli(t, "version", "-o", "json").into(t, &b)
	if b.Version == "" || !strings.HasPrefix(b.Go, "go1.") {
		t.Fatalf("version = %+v", b)
	}
	file := filepath.Join(t.TempDir(), "worker.yaml")
	if err := os.WriteFile(file, []byte("table-prefix: f_\nlisten: 127.0.0.1:9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SPECSTAR_NATS", "nats://secret-token@host:4222")
	var all []setting
	cli(t, "config", "--store", "memory:", "--config", file, "-o", "json").into(t, &all)
	got := map[string]setting{}
	for _, s := range all {
		got[s.Name] = s
	}
	for name, want := range map[string]setting{
		"store":        {"store", "memory:", "flag", "SPECSTAR_STORE"},
		"nats":         {"nats", "nats://***@host:4222", "environment SPECSTAR_NATS", "SPECSTAR_NATS"},
		"listen":       {"listen", "127.0.0.1:9", "file " + "", "SPECSTAR_LISTEN"},
		"table-prefix": {"table-prefix", "f_", "file ", "SPECSTAR_TABLE_PREFIX"},
		"namespace":    {"namespace", "", "default", "SPECSTAR_NAMESPACE"},
	} {
		s := got[name]
		if s.Value != want.Value || s.Env != want.Env || !strings.HasPrefix(string(s.Source), string(want.Source)) {
			t.Errorf("%s = %+v; want %+v", name, s, want)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out := cli(t, "completion", shell).ok(t); !strings.Contains(out, "worker") {
			t.Errorf("completion %s = %q", shell, out)
		}
	}
}

func TestEveryCommandHasHelpWithExamples(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"run"},
		{"demo"},
		{"load"},
		{"dump"},
		{"save"},
		{"backfill"},
		{"migrate"},
		{"submit"},
		{"submit", "load"},
		{"submit", "save"},
		{"submit", "backfill"},
		{"submit", "migrate"},
		{"jobs"},
		{"jobs", "list"},
		{"jobs", "show"},
		{"jobs", "watch"},
		{"jobs", "retry"},
		{"jobs", "cancel"},
		{"jobs", "drop"},
		{"search"},
		{"count"},
		{"get"},
		{"revisions"},
		{"models"},
		{"indexes"},
		{"verify"},
		{"plan"},
		{"gc"},
		{"config"},
		{"version"},
	} {
		out := cli(t, append(args, "--help")...).ok(t)
		if !strings.Contains(out, "Examples:") || !strings.Contains(out, "--store") {
			t.Errorf("help of %v has no example:\n%s", args, out)
		}
		for _, absent := range []string{"--store disk:", "mysql"} {
			if strings.Contains(out, absent) {
				t.Errorf("help of %v offers %s, which does not work yet", args, absent)
			}
		}
	}
}

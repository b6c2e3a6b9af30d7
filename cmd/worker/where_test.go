package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWhereSelectsAsTheQueryDoes asks a store of the original's data in both languages.
func TestWhereSelectsAsTheQueryDoes(t *testing.T) {
	store := loaded(t)
	cond := func(field, op, value string) string {
		return `{"conditions":[{"field_path":"` + field + `","operator":"` + op + `","value":` + value + `}]}`
	}
	empty := 0
	for where, query := range map[string]string{
		`rev_status = 'draft'`: `{"rev_statuses":["draft"]}`,
		`not is_deleted`:       `{"is_deleted":false}`,
		`is_deleted is true`:   `{"is_deleted":true}`,
		`data.age > 30`:        cond("age", "gt", "30"),
		`data.age between 30 and 40 and not is_deleted`:    `{"is_deleted":false,"conditions":[{"field_path":"age","operator":"gte","value":30},{"field_path":"age","operator":"lte","value":40}]}`,
		`data.address.city in ('Taipei', "Bern")`:          cond("address.city", "in", `["Taipei","Bern"]`),
		`data["address.city"] is missing`:                  cond("address.city", "isna", "true"),
		`data.tags contains 'a'`:                           cond("tags", "contains", `"a"`),
		`length(data.tags) >= 1`:                           `{"conditions":[{"field_path":"tags","operator":"gte","value":1,"transform":"len"}]}`,
		`data.name starts with 'A' or data.name like '%e'`: `{"conditions":[{"operator":"or","conditions":[{"field_path":"name","operator":"starts_with","value":"A"},{"field_path":"name","operator":"ends_with","value":"e"}]}]}`,
		`data.name matches r'^\w+$'`:                       cond("name", "regex", `"^\\w+$"`),
		`data.level is not null`:                           cond("level", "is_null", "false"),
		`resource_id <= 'person:p4'`:                       cond("resource_id", "lte", `"person:p4"`),
		`created_time < today`:                             `{"created_time_end":"2026-01-01T00:00:00Z"}`,
		`rev_updated_time >= 2024-01-01T00:00:00Z`:         `{"rev_updated_time_start":"2024-01-01T00:00:00Z"}`,
	} {
		got := cli(t, "search", "person", "--where", where, "--store", store, "-o", "json").ok(t)
		want := cli(t, "search", "person", "--query", query, "--store", store, "-o", "json").ok(t)
		if got != want {
			t.Errorf("--where %s finds\n%s\nwant\n%s", where, got, want)
		}
		if want == "[]\n" {
			empty++
		}
		count := cli(t, "count", "person", "--where", where, "--store", store).ok(t)
		if wanted := cli(t, "count", "person", "--query", query, "--store", store).ok(t); count != wanted {
			t.Errorf("--where %s counts %s, want %s", where, count, wanted)
		}
	}
	if empty > 4 {
		t.Errorf("%d of the queries select nothing, and so compare nothing", empty)
	}
}

func TestWhereIsReadFromFilesAndAddsToTheQuery(t *testing.T) {
	store := loaded(t)
	path := filepath.Join(t.TempDir(), "where.txt")
	if err := os.WriteFile(path, []byte("data.age > 20\n  and data.age < 40\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := cli(t, "search", "person", "--where", "data.age > 20 and data.age < 40", "-o", "ids", "--store", store).ok(t)
	if strings.Count(want, "\n") < 2 {
		t.Fatalf("the expression selects %q", want)
	}
	const younger = `{"conditions":[{"field_path":"age","operator":"lt","value":40}]}`
	for name, r := range map[string]result{
		"a file":         cli(t, "search", "person", "--where", "@"+path, "-o", "ids", "--store", store),
		"standard input": cliIn(t, "data.age > 20 and data.age < 40", "search", "person", "--where", "-", "-o", "ids", "--store", store),
		"both":           cli(t, "search", "person", "--where", "data.age > 20", "--query", younger, "-o", "ids", "--store", store),
	} {
		if got := r.ok(t); got != want {
			t.Errorf("%s gave %q, want %q", name, got, want)
		}
	}
	r := cliIn(t, "{}", "search", "person", "--where", "-", "--query", "-", "--store", store)
	if r.code != exitUsage || !strings.Contains(r.stderr, "cannot both be read from standard input") {
		t.Errorf("both from standard input = %+v", r)
	}
}

func TestWhereShowsTheMistake(t *testing.T) {
	store := loaded(t)
	args := []string{"search", "person", "--store", store, "--where", "rev_status > 5"}
	r := cli(t, args...)
	want := "error: --where: column 14: rev_status holds text, 5 is a number\nrev_status > 5\n             ^\n"
	if r.code != exitUsage || r.stdout != "" || r.stderr != want {
		t.Errorf("exit code %d, stdout %q, stderr\n%s\nwant\n%s", r.code, r.stdout, r.stderr, want)
	}
	r = cli(t, append(args, "-o", "json")...)
	if f := r.refusal(t); r.code != exitUsage || f.Code != codeUsage || f.Column != 14 || f.Line != 0 || strings.Contains(f.Message, "\n") {
		t.Errorf("exit code %d, %+v", r.code, f)
	}
	r = cli(t, "count", "person", "--store", store, "--where", "is_deleted\nand prise > 1", "-o", "ndjson")
	if f := r.refusal(t); f.Column != 5 || f.Line != 2 || !strings.Contains(f.Message, "data.prise") {
		t.Errorf("in the second line: %+v", f)
	}
	for _, tc := range []struct {
		args []string
		says string
	}{
		{[]string{"search", "person", "--sort", "-rev_state"}, "--sort: column 2: \"rev_state\" is no attribute"},
		{[]string{"search", "person", "--where", "created_time today", "--zone", "Mars/Base"}, "--zone: "},
		{[]string{"search", "person", "--where", "  "}, "--where: column 3: a condition is expected"},
		{[]string{"dump", "--out", "-", "--where", "true"}, "need exactly one --model"},
	} {
		if r := cli(t, append(tc.args, "--store", store)...); r.code != exitUsage || !strings.Contains(r.stderr, tc.says) {
			t.Errorf("%q = %d %s; want %s", tc.args, r.code, r.stderr, tc.says)
		}
	}
}

func TestSortByIndexedData(t *testing.T) {
	store := loaded(t)
	for _, tc := range []struct {
		flags []string
		query string
	}{
		{[]string{"--sort", "-data.age"}, `[{"type":"data","field_path":"age","direction":"-"}]`},
		{[]string{"--sort", `data["address.city"],-created_time`}, `[{"type":"data","field_path":"address.city"},{"key":"created_time","direction":"-"}]`},
		{[]string{"--sort", "is_deleted", "--sort", "+data.name"}, `[{"key":"is_deleted"},{"type":"data","field_path":"name"}]`},
	} {
		got := cli(t, append([]string{"search", "person", "-o", "ids", "--store", store}, tc.flags...)...).ok(t)
		want := cli(t, "search", "person", "-o", "ids", "--store", store, "--query", `{"sorts":`+tc.query+`}`).ok(t)
		if got != want {
			t.Errorf("%v gave %q, want %q", tc.flags, got, want)
		}
	}
}

// TestDaysAreThoseOfTheZone looks at a resource of 2024-01-01T00:00:00Z in zones where
// that is another day.
func TestDaysAreThoseOfTheZone(t *testing.T) {
	store := "sqlite:" + t.TempDir()
	cliIn(t, `{"op":"create","resource_id":"n:1","data":{},"user":"u","time":"2024-01-01T00:00:00Z"}`, "save", "n", "--from", "-", "--store", store, "-q").ok(t)
	for zone, day := range map[string]string{"UTC": "2024-01-01", "America/New_York": "2023-12-31", "-5": "2023-12-31", "+05:30": "2024-01-01"} {
		if n := cli(t, "count", "n", "--where", "created_time = "+day, "--zone", zone, "--store", store).ok(t); n != "1\n" {
			t.Errorf("in zone %s %s resources of %s", zone, strings.TrimSpace(n), day)
		}
	}
	t.Setenv("SPECSTAR_ZONE", "Asia/Taipei")
	if n := cli(t, "count", "n", "--where", "created_time = '2024-01-01 08:00'", "--store", store).ok(t); n != "1\n" {
		t.Errorf("SPECSTAR_ZONE is not looked at: %s", n)
	}
}

func TestDumpOfAnExpression(t *testing.T) {
	store := loaded(t)
	dumped := func(flag, value string) []byte {
		out := filepath.Join(t.TempDir(), "x.acbak")
		cli(t, "dump", "--out", out, "--model", "person", flag, value, "--store", store).ok(t)
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	want := dumped("--query", `{"conditions":[{"field_path":"age","operator":"gt","value":30}]}`)
	if !bytes.Equal(dumped("--where", "data.age > 30"), want) {
		t.Error("the archives of --where and --query differ")
	}
}

func TestNamesOfAttributesAreCompleted(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"search", "person", "--where", "rev_st"}, "rev_status\n"},
		{[]string{"search", "person", "--where", "is_deleted and rev_created_t"}, "is_deleted and rev_created_time\n"},
		{[]string{"count", "person", "--where", "not d"}, "not data.\n"},
		{[]string{"search", "person", "--sort=-created_time,schema"}, "-created_time,schema_version\n"},
	} {
		out := cli(t, append([]string{"__complete"}, tc.args...)...).ok(t)
		if got, _, _ := strings.Cut(out, ":"); got != tc.want {
			t.Errorf("%q is completed to %q, want %q", tc.args, got, tc.want)
		}
	}
}

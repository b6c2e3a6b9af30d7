package main

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// page is a document of --page.
type page struct {
	Items []struct {
		ID   string `json:"resource_id"`
		Meta struct {
			ID string `json:"resource_id"`
		}
		Data map[string]any
	}
	Next *string
}

// TestSearchInPages walks by --page, and by the cursor on standard error.
func TestSearchInPages(t *testing.T) {
	store := loaded(t)
	want := strings.Fields(cli(t, "search", "person", "--sort", "-data.age", "-o", "ids", "--store", store).ok(t))
	var got []string
	after := ""
	for n := 0; ; n++ {
		args := []string{"search", "person", "--sort", "-data.age", "--limit", "3", "--store", store}
		var p page
		cli(t, append(args, "--after", after, "--page", "-o", "json")...).into(t, &p)
		for _, m := range p.Items {
			got = append(got, m.ID)
		}
		r := cli(t, append(args, "--after", after, "-o", "ids")...)
		_, next, _ := strings.Cut(strings.TrimSpace(r.stderr), "next: ")
		if p.Next == nil {
			if next != "" || n != 2 {
				t.Errorf("page %d is the last and says %q", n, r.stderr)
			}
			break
		}
		if next != *p.Next {
			t.Errorf("the cursors are %q and %q", next, *p.Next)
		}
		after = *p.Next
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages show %q, want %q", got, want)
	}
	if r := cli(t, "search", "person", "--limit", "3", "-q", "--store", store); r.stderr != "" {
		t.Errorf("a quiet search says %q", r.stderr)
	}
}

func TestCursorsAreRefusedByName(t *testing.T) {
	store := loaded(t)
	var p page
	cli(t, "search", "person", "--sort", "-data.age", "--limit", "1", "--page", "-o", "json", "--store", store).into(t, &p)
	for what, c := range map[string]struct {
		args []string
		want string
	}{
		"other order": {[]string{"search", "person", "--after", *p.Next}, "another order"},
		"other model": {[]string{"search", "document", "--sort", "-data.age", "--after", *p.Next}, "another model"},
		"damaged":     {[]string{"search", "person", "--sort", "-data.age", "--after", (*p.Next)[1:]}, "damaged"},
		"other store": {[]string{"search", "person", "--sort", "-data.age", "--after", *p.Next, "--store", loaded(t)}, "another store"},
	} {
		if !slices.Contains(c.args, "--store") {
			c.args = append(c.args, "--store", store)
		}
		r := cli(t, append(c.args, "-o", "json")...)
		if f := r.refusal(t); r.code != exitUsage || !strings.Contains(f.Message, c.want) || !strings.HasPrefix(f.Message, "--after: ") {
			t.Errorf("%s: exit code %d, %q", what, r.code, f.Message)
		}
	}
	for _, args := range [][]string{{"--page", "-o", "json"}, {"--page", "--limit", "1"}} {
		if r := cli(t, append([]string{"search", "person", "--store", store}, args...)...); r.code != exitUsage {
			t.Errorf("search %q: exit code %d", args, r.code)
		}
	}
}

func TestSearchWithData(t *testing.T) {
	store := loaded(t)
	lines := strings.Split(strings.TrimSpace(cli(t, "search", "sales-order", "--with-data", "-o", "ndjson", "--store", store).ok(t)), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines {
		var r struct{ Meta, Info, Data map[string]any }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		var one map[string]any
		cli(t, "get", "sales-order", r.Meta["resource_id"].(string), "--store", store, "-o", "json").into(t, &one)
		if r.Info["revision_id"] != r.Meta["current_revision_id"] || r.Data["number"] != one["data"].(map[string]any)["number"] {
			t.Errorf("listed as %s, got as %v", line, one)
		}
	}
	var p page
	cli(t, "search", "person", "--limit", "2", "--sort", "data.name", "--with-data", "--page", "-o", "json", "--store", store).into(t, &p)
	if len(p.Items) != 2 || p.Items[0].Meta.ID != "person:p1" || p.Items[0].Data["name"] != "Ada Lovelace" || p.Next == nil {
		t.Errorf("the page is %+v", p)
	}
	table := cli(t, "search", "person", "--limit", "1", "--with-data", "--store", store).ok(t)
	if !strings.Contains(table, "DATA") || !strings.Contains(table, `{"name":`) {
		t.Errorf("the table is\n%s", table)
	}
}

// TestSearchWithDamagedData: what cannot be shown fails alone, by name, and the exit code
// says so.
func TestSearchWithDamagedData(t *testing.T) {
	store := loaded(t)
	f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: strings.TrimPrefix(store, "sqlite:")})
	if err != nil {
		t.Fatal(err)
	}
	stores, err := f.Build(t.Context(), "person")
	if err == nil {
		err = errors.Join(stores.Revisions.Purge(t.Context(), []resource.ID{"person:p2"}), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	r := cli(t, "search", "person", "--with-data", "-o", "ndjson", "--store", store)
	lines := 0
	for line := range strings.Lines(r.stdout) {
		var item struct {
			Meta struct {
				ID string `json:"resource_id"`
			}
			Data  map[string]any
			Error string
		}
		if err := json.Unmarshal([]byte(line), &item); err != nil {
			t.Fatal(err)
		}
		if bad := item.Meta.ID == "person:p2"; bad != strings.Contains(item.Error, "person:p2") || bad != (item.Data == nil) {
			t.Errorf("listed: %s", line)
		}
		lines++
	}
	if lines != 8 || r.code != exitPartly || !strings.Contains(r.stderr, "1 of 8") {
		t.Errorf("%d lines, exit code %d, %q", lines, r.code, r.stderr)
	}
	if table := cli(t, "search", "person", "--with-data", "--store", store); !strings.Contains(table.stdout, "error: ") {
		t.Errorf("the table is\n%s", table.stdout)
	}
}

func TestCountByValue(t *testing.T) {
	store := loaded(t)
	var n struct {
		Count int64
		By    []struct {
			Value any
			Count int64
		}
	}
	cli(t, "count", "person", "--by", "rev_status", "-o", "json", "--store", store).into(t, &n)
	if n.Count != 8 || len(n.By) != 2 || n.By[0].Value != "stable" || n.By[0].Count != 7 || n.By[1].Value != "draft" || n.By[1].Count != 1 {
		t.Errorf("by status: %+v", n)
	}
	n.By = nil
	cli(t, "count", "person", "--by", "data.level", "--limit", "1", "--where", "not is_deleted", "-o", "json", "--store", store).into(t, &n)
	if n.Count != 7 || len(n.By) != 1 || n.By[0].Count < 2 {
		t.Errorf("by level: %+v", n)
	}
	r := cli(t, "count", "person", "--by", "data.address.city", "--store", store)
	if !strings.HasPrefix(r.ok(t), "VALUE") || !strings.Contains(r.stdout, "(none)") || !strings.Contains(r.stderr, "8 in all") {
		t.Errorf("by city:\n%s%s", r.stdout, r.stderr)
	}
	for _, args := range [][]string{
		{"--by", "nothing"},
		{"--by", "-rev_status"},
		{"--by", "rev_status,created_by"},
		{"--by", "rev_status", "-o", "ids"},
		{"--limit", "3"},
	} {
		if r := cli(t, append([]string{"count", "person", "--store", store}, args...)...); r.code != exitUsage {
			t.Errorf("count %q: exit code %d", args, r.code)
		}
	}
}

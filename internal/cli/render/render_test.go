package render_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/internal/cli/render"
)

func TestList(t *testing.T) {
	rows := []render.Row{
		{ID: "a", Value: map[string]int{"n": 1}, Cells: []string{"a", "one\x1b[2J"}},
		{ID: "bb", Value: map[string]int{"n": 2}, Cells: []string{"bb", "<two>"}},
	}
	for _, tc := range []struct {
		format render.Format
		rows   []render.Row
		want   string
	}{
		{render.Table, rows, "ID  TEXT\na   one\\u001b[2J\nbb  <two>\n"},
		{render.JSON, rows, "[\n{\"n\":1},\n{\"n\":2}\n]\n"},
		{render.NDJSON, rows, "{\"n\":1}\n{\"n\":2}\n"},
		{render.IDs, rows, "a\nbb\n"},
		{render.Table, nil, "(none)\n"},
		{render.JSON, nil, "[]\n"},
		{render.NDJSON, nil, ""},
		{render.IDs, nil, ""},
	} {
		var b strings.Builder
		l := render.NewList(&b, tc.format, "ID", "TEXT")
		for _, r := range tc.rows {
			if err := l.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil || b.String() != tc.want {
			t.Errorf("%s of %d rows = %q, %v; want %q", tc.format, len(tc.rows), b.String(), err, tc.want)
		}
	}
}

func TestDocumentIsOneJSONValue(t *testing.T) {
	var b strings.Builder
	if err := render.Document(&b, render.JSON, map[string]string{"a": "<&>"}); err != nil {
		t.Fatal(err)
	}
	var back map[string]string
	if err := json.Unmarshal([]byte(b.String()), &back); err != nil || back["a"] != "<&>" || !strings.Contains(b.String(), "<&>") {
		t.Fatalf("document = %s, %v", b.String(), err)
	}
}

func TestParseNamesTheFormats(t *testing.T) {
	for _, name := range []string{"table", "json", "ndjson", "ids"} {
		if f, err := render.Parse(name); err != nil || string(f) != name {
			t.Errorf("Parse(%q) = %q, %v", name, f, err)
		}
	}
	if _, err := render.Parse("xml"); err == nil || !strings.Contains(err.Error(), "ndjson") {
		t.Errorf("Parse(xml) = %v", err)
	}
}

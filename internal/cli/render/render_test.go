package render_test

import (
	"bytes"
	"encoding/json"
	"fmt"
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

// blocks keeps each write apart.
type blocks [][]byte

func (b *blocks) Write(p []byte) (int, error) {
	*b = append(*b, bytes.Clone(p))
	return len(p), nil
}

// TestListsAreWrittenAsTheyCome adds many results: they are written before the end, and
// only whole ones.
func TestListsAreWrittenAsTheyCome(t *testing.T) {
	for _, format := range []render.Format{render.Table, render.NDJSON, render.IDs, render.JSON} {
		var out blocks
		l := render.NewList(&out, format, "ID", "TEXT", "END")
		before := 0
		for i := range 20_000 {
			id := fmt.Sprintf("row:%06d", i)
			if err := l.Add(render.Row{ID: id, Value: id, Cells: []string{id, "x", ""}}); err != nil {
				t.Fatal(err)
			}
			before = len(out)
		}
		if before < 3 {
			t.Errorf("%s: %d writes before the end", format, before)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		for _, b := range out[:len(out)-1] {
			line := b[bytes.LastIndexByte(b, '\n')+1:]
			if format == render.JSON && !bytes.HasSuffix(line, []byte(`"`)) || format != render.JSON && len(line) > 0 {
				t.Fatalf("%s: a block ends with %q", format, b[len(b)-20:])
			}
		}
		text := string(bytes.Join(out, nil))
		if n := strings.Count(text, "row:"); n != 20_000 {
			t.Errorf("%s has %d rows", format, n)
		}
	}
}

// TestWideCellsBehindTheSample: columns stay apart, and are as wide as the widest cell
// from then on.
func TestWideCellsBehindTheSample(t *testing.T) {
	var b strings.Builder
	l := render.NewList(&b, render.Table, "A", "B")
	for i := range 1500 {
		cell := "é"
		if i == 1200 {
			cell = "wide"
		}
		if err := l.Add(render.Row{Cells: []string{cell, "b"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	for i, want := range map[int]string{0: "A  B", 1: "é  b", 1200: "é  b", 1201: "wide  b", 1202: "é     b", 1500: "é     b"} {
		if lines[i] != want {
			t.Errorf("line %d is %q, want %q", i, lines[i], want)
		}
	}
}

func TestABrokenListShowsWhatItHas(t *testing.T) {
	for format, want := range map[render.Format]string{
		render.Table: "ID\na\n", render.IDs: "a\n", render.NDJSON: "1\n", render.JSON: "[\n1",
	} {
		var b strings.Builder
		l := render.NewList(&b, format, "ID")
		if open, err := l.Break(); open || err != nil || b.Len() > 0 {
			t.Errorf("%s: an empty list breaks into %q, %v, %v", format, b.String(), open, err)
		}
		if err := l.Add(render.Row{ID: "a", Value: 1, Cells: []string{"a"}}); err != nil {
			t.Fatal(err)
		}
		if open, err := l.Break(); open != (format == render.JSON) || err != nil || b.String() != want {
			t.Errorf("%s breaks into %q, %v, %v; want %q", format, b.String(), open, err, want)
		}
	}
}

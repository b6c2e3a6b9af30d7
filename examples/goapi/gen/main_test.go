package main

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/examples/goapi"
	"github.com/specstar-worker/worker/resource"
)

// sample is what the tests generate: a package of each kind.
func sample(pkg string) bool { return pkg == "io" || pkg == "archive/zip" || pkg == "math/rand" }

func TestGeneratingTwiceGivesTheSameBytes(t *testing.T) {
	dir, err := apiDir()
	if err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	for _, b := range []*bytes.Buffer{&first, &second} {
		if err := generate(b, dir, sample); err != nil {
			t.Fatal(err)
		}
	}
	if first.Len() == 0 || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Fatalf("two runs gave %d and %d bytes that differ", first.Len(), second.Len())
	}
}

// TestTheSampleIsInTheCommittedArchive ties the archive to its source: what the
// program makes of three packages is in it, byte for byte.
func TestTheSampleIsInTheCommittedArchive(t *testing.T) {
	dir, err := apiDir()
	if err != nil {
		t.Fatal(err)
	}
	var plain bytes.Buffer
	if err := generate(&plain, dir, sample); err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(bytes.NewReader(goapi.Archive()))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	committed := symbols(t, z)
	if n := len(committed); n < 20_000 {
		t.Fatalf("the committed archive has only %d symbols", n)
	}
	generated := symbols(t, &plain)
	if n := len(generated); n < 100 {
		t.Fatalf("the sample has only %d symbols", n)
	}
	for id, want := range generated {
		if d := cmp.Diff(want, committed[id]); d != "" {
			t.Fatalf("%s: -generated +committed\n%s", id, d)
		}
	}
}

// symbols reads the go-symbol section of an archive: id → meta and payloads.
func symbols(t *testing.T, r io.Reader) map[resource.ID][]string {
	t.Helper()
	found := map[resource.ID][]string{}
	model := ""
	for rec, err := range archive.NewReader(r, archive.Limits{}).Records() {
		if err != nil {
			t.Fatal(err)
		}
		switch rec := rec.(type) {
		case archive.ModelStart:
			model = rec.Model
		case archive.Meta:
			if model == "go-symbol" {
				found[rec.Meta.ResourceID] = []string{string(rec.Meta.Append(resource.JSON, nil))}
			}
		case archive.Revision:
			if id := rec.Revision.Info.ResourceID; model == "go-symbol" {
				found[id] = append(found[id], string(rec.Revision.Info.Append(resource.JSON, nil)), string(rec.Revision.Data))
			}
		}
	}
	return found
}

func TestASymbolKeepsItsHistory(t *testing.T) {
	h := newHistory()
	must := func(line string) entry {
		e, _, err := parseLine(line)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	h.add(releases[0], []entry{must("pkg a/b (linux-386), const X = 1"), must("pkg a/b (linux-amd64), const X = 1"), must("pkg a/b, func F()")})
	h.add(releases[1], []entry{must("pkg a/b (linux-arm), const X = 2")})
	h.add(releases[2], []entry{must("pkg a/b (linux-arm), const X //deprecated")})
	got := h.symbols["go-symbol:a~b@linux.X"]
	if len(got) != 3 {
		t.Fatalf("%d revisions, want 3", len(got))
	}
	gone := "go1.2"
	want := symbol{
		Package: "a/b", OS: "linux", Name: "X", Kind: "const", Since: "go1", Release: "go1.2", Deprecated: &gone,
		Signatures: []signature{
			{Text: "const X = 1", Archs: []string{"386", "amd64"}, Since: "go1"},
			{Text: "const X = 2", Archs: []string{"arm"}, Since: "go1.1"},
		},
	}
	if d := cmp.Diff(want, got[2]); d != "" {
		t.Errorf("last revision: -want +got\n%s", d)
	}
	if got[0].Deprecated != nil || len(got[0].Signatures) != 1 {
		t.Errorf("the first revision changed afterwards: %+v", got[0])
	}
	if d := cmp.Diff(summary{Version: "go1.2", Released: "2013-12-01", Packages: 1, Symbols: 2, Deprecated: 1}, h.releases[2]); d != "" {
		t.Errorf("release: -want +got\n%s", d)
	}
}

func TestReleasesAreInOrder(t *testing.T) {
	var last time.Time
	for _, r := range releases {
		at, err := r.time()
		if err != nil {
			t.Fatal(err)
		}
		if !at.After(last) {
			t.Errorf("%s of %s is not after the release before", r.Version, r.Date)
		}
		last = at
	}
}

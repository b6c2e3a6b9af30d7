package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/internal/shmdir"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
	"github.com/specstar-worker/worker/storage/memory"
)

// tree returns the files below a directory and what they hold.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			files[name] = "directory"
			return err
		}
		if d.Type() == fs.ModeSymlink {
			target, err := os.Readlink(filepath.Join(dir, name))
			files[name] = "link to " + target
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestCheckOfASoundStore(t *testing.T) {
	store := loaded(t)
	above := filepath.Dir(strings.TrimPrefix(store, "sqlite:"))
	before := tree(t, above)
	p := start(t, nil, "check", "--store", store, "-o", "json")
	r := p.wait()
	var got checkReport
	r.into(t, &got)
	if r.code != exitOK || !got.OK || got.Failed != 0 || got.Skipped != 0 || got.Passed < 100 || got.Seconds <= 0 {
		t.Fatalf("check = %d, %d passed, %d failed, %d skipped\n%s", r.code, got.Passed, got.Failed, got.Skipped, r.stderr)
	}
	if len(got.Guarantees) != len(check.Guarantees()) {
		t.Errorf("%d guarantees in the report, want all %d", len(got.Guarantees), len(check.Guarantees()))
	}
	if !strings.Contains(r.stderr, filepath.Join(above, ".specstar-check-")) {
		t.Errorf("check does not say where it works: %s", r.stderr)
	}
	if diff := cmp.Diff(before, tree(t, above)); diff != "" {
		t.Errorf("check left something behind or changed it:\n%s", diff)
	}
}

// Stores that are many files are checked as a command, too. They publish a load chunk by
// chunk, and say so. The other guarantees are those of their conformance tests.
func TestCheckOfStoresInManyFiles(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{filesStore, diskStore} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			above := shmdir.New(t)
			r := start(t, nil, "check", "--store", kind+filepath.Join(above, "data"), "--timeout", "8m", "--only", "G1,G3,G11,G12,G14,G23", "-o", "json").wait()
			var got checkReport
			r.into(t, &got)
			if r.code != exitOK || !got.OK || got.Failed != 0 || got.Passed < 30 || got.Skipped == 0 {
				t.Fatalf("check = %d, %d passed, %d failed, %d skipped\n%s%s", r.code, got.Passed, got.Failed, got.Skipped, r.stdout, r.stderr)
			}
			for _, g := range got.Guarantees {
				for _, s := range g.Skipped {
					if !strings.Contains(s.Message, "AtomicLoad") {
						t.Errorf("skipped: %s: %s", s.Check, s.Message)
					}
				}
			}
			if left := tree(t, above); len(left) != 1 {
				t.Errorf("the check left %d files behind", len(left)-1)
			}
		})
	}
}

func TestCheckOfAStoreThatForgets(t *testing.T) {
	r := cli(t, "check", "--store", "memory:", "--only", "g1,G3", "--no-progress")
	if out := r.ok(t); !strings.Contains(out, "G1  Durability") || strings.Contains(out, "G2") || !strings.Contains(out, "memory:: ok;") {
		t.Errorf("check printed\n%s", out)
	}
	if !strings.Contains(r.stderr, "skipped: G1/jobs_are_there_after_reopening: the store declares Traits.Durable false") {
		t.Errorf("check does not say what it skipped: %s", r.stderr)
	}
}

// purgeless is a store that keeps what is purged.
type purgeless struct{ storage.Factory }

func (f purgeless) Build(ctx context.Context, model string) (storage.Stores, error) {
	s, err := f.Factory.Build(ctx, model)
	s.Revisions = purgelessRevisions{s.Revisions}
	return s, err
}

type purgelessRevisions struct{ storage.RevisionStore }

func (purgelessRevisions) Purge(context.Context, []resource.ID) error { return nil }

func TestCheckOfABrokenStore(t *testing.T) {
	const name = "G10/purge_removes_all_of_a_resource"
	open := func(context.Context, string) (storage.Factory, error) { return purgeless{memory.New()}, nil }
	selected, err := selection([]string{"G10"})
	if err != nil {
		t.Fatal(err)
	}
	for format, want := range map[render.Format]string{
		render.Table: "BROKEN " + name + ": the revisions of p1 are",
		render.JSON:  `"check": "` + name + `"`,
		render.IDs:   "G10\n",
	} {
		var out, errs bytes.Buffer
		a := &app{stdout: &out, stderr: &errs, format: format, global: global{store: "memory:", quiet: true}}
		f := explain(a.runChecks(t.Context(), open, check.Options{Select: selected}))
		if f.Exit != exitProblems || !f.silent || !strings.Contains(out.String(), want) {
			t.Errorf("%s: exit code %d, output\n%s\nwant %q", format, f.Exit, out.String(), want)
		}
	}
}

func TestCheckIsInterrupted(t *testing.T) {
	dir := t.TempDir()
	store := filepath.Join(dir, "data")
	p := start(t, nil, "check", "--store", "sqlite:"+store, "-o", "json")
	eventually(t, "the check to begin", func() bool {
		places, err := filepath.Glob(filepath.Join(dir, checkPattern, "c0*"))
		return err == nil && len(places) > 3
	})
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	r := p.wait()
	if f := r.refusal(t); r.code != exitError || f.Code != codeInterrupted {
		t.Errorf("check = %d %+v", r.code, f)
	}
	if left := tree(t, dir); len(left) != 1 {
		t.Errorf("the check left %d files behind", len(left)-1)
	}
}

func TestCheckRefusesNonsense(t *testing.T) {
	for flag, value := range map[string]string{"--only": "G99", "--timeout": "0s", "--store": "sqlite:"} {
		if r := cli(t, "check", flag, value); r.code != exitUsage || !strings.Contains(r.stderr, flag) {
			t.Errorf("check %s %s = %+v", flag, value, r)
		}
	}
}

func TestCheckPlace(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	for store, above := range map[string]string{
		data:                           dir,  // beside it
		filepath.Join(dir, "new"):      dir,  // not there yet
		filepath.Join(data, "a/b/new"): data, // far from being there
	} {
		place, remove, err := checkPlace(store)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Dir(place) != above {
			t.Errorf("a store in %s is checked in %s, want it below %s", store, place, above)
		}
		if err := os.WriteFile(filepath.Join(place, "file"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := remove(); err != nil {
			t.Error(err)
		}
	}
	own := filepath.Join(data, ".worker")
	for _, there := range []bool{false, true} {
		place, remove, err := checkPlaceInside(own)
		if err != nil || filepath.Dir(place) != own {
			t.Fatalf("place %s, %v", place, err)
		}
		if err := remove(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(own); (err == nil) != there {
			t.Errorf("the worker's own directory was there before: %v, and afterwards: %v", there, err)
		}
		if err := os.MkdirAll(own, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(own); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Error(diff)
	}
}

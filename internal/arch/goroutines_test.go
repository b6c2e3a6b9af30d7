package arch

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// jobPaths are the directories whose code carries out jobs, with those below them.
var jobPaths = []string{"archive", "manager", "jobs", "storage"}

// guards are what makes a panic of a goroutine an error, or that of who waits for it.
var guards = regexp.MustCompile(`\b(caught\.|Caught\(|guard\(|guarded\(|recover\(\))`)

// guardedInside are the goroutines whose guard is further in, or which do nothing that could
// panic: the beginning of the statement, by file.
var guardedInside = map[string][]string{
	"archive/ahead.go": {"running.Go("}, // cutBatch and decode
	"jobs/hang.go": {"go func() {\n\tdefer close(ended", // what is given is guarded
		"go func() {\n\t<-ended"},
	"jobs/openall.go":             {"g.Go(open)"},    // together
	"jobs/parts.go":               {"r.Go("},         // together
	"jobs/reconcile.go":           {"releasing.Go("}, // guardedPass
	"manager/backfill_pages.go":   {"filling.Go("},   // fillPage
	"manager/dump_line.go":        {"l.running.Go("}, // dumpBlock.read
	"manager/verify_page.go":      {"reading.Go("},   // read
	"storage/postgres/dump.go":    {"reading.Go("},   // read
	"storage/postgres/prepare.go": {"go func() {"},   // add
}

// TestGoroutinesOfJobsAreGuarded: a panic in a goroutine that nobody guards ends the
// process and with it the other jobs, again and again while the job comes back.
func TestGoroutinesOfJobsAreGuarded(t *testing.T) {
	for _, g := range unguarded(t, os.DirFS("../..")) {
		t.Error(g)
	}
}

func TestUnguardedGoroutinesAreFound(t *testing.T) {
	source := func(body string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("package p\n\nfunc f() {\n" + body + "\n}\n")}
	}
	tree := fstest.MapFS{
		"jobs/a.go":          source("go work()"),
		"jobs/b.go":          source("go func() { _ = guard(work) }()"),
		"storage/x/c.go":     source("g.Go(func() error { return nil })"),
		"storage/x/d.go":     source("g.Go(caught.Guard(work))"),
		"storage/check/e.go": source("go work()"),
		"jobs/f_test.go":     source("go work()"),
		"consumer/g.go":      source("go work()"),
	}
	found := unguarded(t, tree)
	if len(found) != 2 || !strings.HasPrefix(found[0], "jobs/a.go:4:1: ") || !strings.HasPrefix(found[1], "storage/x/c.go:4:1: ") {
		t.Fatalf("%q", found)
	}
}

// unguarded returns the goroutines of a tree that carry out jobs and are not guarded.
func unguarded(t *testing.T, tree fs.FS) (found []string) {
	t.Helper()
	for _, dir := range jobPaths {
		if _, err := fs.Stat(tree, dir); err != nil {
			continue
		}
		err := fs.WalkDir(tree, dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "storage/check/") {
				return err
			}
			source, err := fs.ReadFile(tree, name)
			if err == nil {
				found = append(found, unguardedIn(t, name, source)...)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func unguardedIn(t *testing.T, name string, source []byte) (found []string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if !starts(n) {
			return true
		}
		var text bytes.Buffer
		if err := format.Node(&text, files, n); err != nil {
			t.Fatal(err)
		}
		if !guards.Match(text.Bytes()) && !known(name, text.String()) {
			line, _, _ := strings.Cut(text.String(), "\n")
			found = append(found, files.Position(n.Pos()).String()+": nothing guards "+line)
		}
		return false
	})
	return found
}

// starts reports whether a node starts a goroutine, itself or by the Go method of a group.
func starts(n ast.Node) bool {
	if _, is := n.(*ast.GoStmt); is {
		return true
	}
	call, is := n.(*ast.CallExpr)
	if !is {
		return false
	}
	method, is := call.Fun.(*ast.SelectorExpr)
	return is && method.Sel.Name == "Go"
}

func known(name, text string) bool {
	for _, begin := range guardedInside[name] {
		if strings.HasPrefix(text, begin) {
			return true
		}
	}
	return false
}

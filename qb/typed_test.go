package qb_test

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestAWrongTypeDoesNotCompile checks the types of conditions as the compiler
// does.
func TestAWrongTypeDoesNotCompile(t *testing.T) {
	set := token.NewFileSet()
	imports := importer.ForCompiler(set, "gc", exported(t))
	check := func(expr string) error {
		const file = `package p
import ("regexp"; "time"; "github.com/specstar-worker/worker/qb"; "github.com/specstar-worker/worker/resource")
var (_ time.Time; _ *regexp.Regexp; _ resource.Status; now time.Time; text string; _ qb.Cond = %s)`
		parsed, err := parser.ParseFile(set, "p.go", fmt.Sprintf(file, expr), 0)
		if err != nil {
			t.Fatal(err)
		}
		c := types.Config{Importer: imports}
		_, err = c.Check("p", set, []*ast.File{parsed}, nil)
		return err
	}
	for _, right := range []string{
		`qb.RevStatus().Eq("draft")`, `qb.RevStatus().In(resource.Draft, "stable")`, `qb.RevUpdatedBy().Eq(text)`,
		`qb.RevCreatedTime().ThisWeek(now, time.Monday)`, `qb.TotalRevisionCount().Between(1, 2)`,
		`qb.IsDeleted().IsTrue()`, `qb.CreatedBy().Len().Gt(3)`, `qb.Data("v").Eq(3)`, `qb.Data("v").Len().In(1, 2)`,
		`qb.ResourceID().In("a", resource.ID(text))`, `qb.Any(qb.And{}, qb.Not{})`,
	} {
		if err := check(right); err != nil {
			t.Errorf("%s: %v", right, err)
		}
	}
	for _, wrong := range []string{
		`qb.RevStatus().Eq(3)`, `qb.RevStatus().Eq(text)`, `qb.RevStatus().In("draft", true)`,
		`qb.RevStatus().Eq(resource.ID("x"))`, `qb.RevUpdatedBy().Eq(resource.Draft)`, `qb.RevUpdatedBy().Between("a", 2)`,
		`qb.ResourceID().Eq(text)`, `qb.CurrentRevisionID().Eq(resource.ID(text))`,
		`qb.TotalRevisionCount().Eq("1")`, `qb.TotalRevisionCount().Gt(1.5)`, `qb.TotalRevisionCount().Contains("1")`,
		`qb.RevCreatedTime().Gte("2024-03-01T00:00:00Z")`, `qb.RevCreatedTime().StartsWith("2024")`,
		`qb.RevCreatedTime().ThisWeek()`, `qb.RevCreatedTime().Today("+8")`, `qb.RevCreatedTime().Len()`,
		`qb.CreatedBy().Today(now)`, `qb.CreatedBy().IsTrue()`, `qb.CreatedBy().Matches("^a")`,
		`qb.IsDeleted().Eq("true")`, `qb.IsDeleted().Eq(1)`, `qb.IsDeleted().IsBlank()`,
		`qb.CreatedBy().Len().Gt("3")`, `qb.Data("v").Len().Gt(text)`, `qb.Data("v").Len().Contains("a")`,
		`qb.Data(3).Eq(1)`, `qb.Data("v")`, `qb.CreatedBy()`, `qb.And{text}`, `qb.Any()`,
	} {
		if err := check(wrong); err == nil {
			t.Errorf("%s compiles", wrong)
		}
	}
}

// exported returns the compiled declarations of packages that conditions are
// written with.
func exported(t *testing.T) importer.Lookup {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-trimpath", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", ".")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		files[path] = file
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(files[path]) }
}

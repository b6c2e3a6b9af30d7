package storagetest

import (
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/storage/check"
)

const (
	contract = "../doc.go"
	page     = "../../docs/guarantees.md"
	// updateVariable makes the test write the page.
	updateVariable = "SPECSTAR_TEST_UPDATE"
)

// documented returns the guarantees that package storage promises.
func documented(t *testing.T) []check.Guarantee {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), contract, nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	var all []check.Guarantee
	for _, m := range regexp.MustCompile(`(?m)^G(\d+) ([^.]+)\.`).FindAllStringSubmatch(file.Doc.Text(), -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, check.Guarantee{Number: n, Title: m[2]})
	}
	return all
}

// suite returns the names of all checks, the drawn ones too, by guarantee.
func suite() map[int][]check.Check {
	all := check.All()
	for name := range drawn() {
		all = append(all, check.Check{Name: name})
	}
	byNumber := map[int][]check.Check{}
	for _, c := range all {
		byNumber[c.Guarantee()] = append(byNumber[c.Guarantee()], c)
	}
	for _, checks := range byNumber {
		slices.SortFunc(checks, func(a, b check.Check) int { return strings.Compare(a.Name, b.Name) })
	}
	return byNumber
}

// TestCoverage holds the checks, the guarantees that package storage documents
// and the page about both together. With -v it prints the table.
func TestCoverage(t *testing.T) {
	guarantees := documented(t)
	if len(guarantees) == 0 {
		t.Fatalf("%s promises nothing", contract)
	}
	if diff := cmp.Diff(guarantees, check.Guarantees()); diff != "" {
		t.Errorf("guarantees of %s (-) and of package check (+):\n%s", contract, diff)
	}
	checks := suite()
	for _, g := range guarantees {
		if len(checks[g.Number]) == 0 {
			t.Errorf("no check proves G%d %s", g.Number, g.Title)
		}
		t.Logf("G%-3d %-16s %3d checks", g.Number, g.Title, len(checks[g.Number]))
	}
	want := coveragePage(guarantees, checks)
	if os.Getenv(updateVariable) != "" {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("%s is not what the checks are (%s=1 writes it):\n%s", page, updateVariable, diff)
	}
}

// coveragePage returns the page about the guarantees and their checks.
func coveragePage(guarantees []check.Guarantee, checks map[int][]check.Check) string {
	var b strings.Builder
	b.WriteString(`# What a store promises, and what checks it

The guarantees are those of package [storage](../storage/doc.go), word for word there. Each check is a function of
package [storage/check](../storage/check): it runs as a test of every backend of ours, and against your own store with
` + "`worker check`" + ` or ` + "`check.Run`" + `. A check that a store is spared when it declares a trait false names the trait.
This page is written by a test, which fails when it is out of date.

`)
	total := 0
	for _, g := range guarantees {
		total += len(checks[g.Number])
	}
	fmt.Fprintf(&b, "%d guarantees, %d checks.\n\n| | guarantee | checks |\n|---|---|---|\n", len(guarantees), total)
	for _, g := range guarantees {
		var names []string
		for _, c := range checks[g.Number] {
			_, what, _ := strings.Cut(c.Name, "/")
			what = strings.ReplaceAll(what, "_", " ")
			if c.Needs != check.Nothing {
				what += fmt.Sprintf(" (%s)", c.Needs)
			}
			names = append(names, what)
		}
		fmt.Fprintf(&b, "| G%d | %s | %s |\n", g.Number, g.Title, strings.Join(names, " · "))
	}
	return b.String()
}

package arch

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// operations are those of the original that the page must have a row for.
var operations = []string{
	"create", "get", "get_meta", "get_revision_info", "get_resource_revision", "update", "create_or_update", "modify", "patch", "switch",
	"delete", "restore", "permanently_delete", "migrate", "search", "count", "list", "get_partial", "indexed values", "unique", "references",
	"constraint checks", "rev_* maintenance", "backfill_revision_meta", "dump", "load", "load_records_bulk", "LoadStats", "OnDuplicate", "start_consume",
}

// edges is how many sharp edges there are, numbered from 1.
const edges = 45

// page is what a page of compatibility says: its rows by their first cell, each
// with what happens here and the tests that are named.
type page map[string]pageRow

type pageRow struct {
	here  string
	tests []string
}

var cellTest = regexp.MustCompile("`([^`]+)`")

// readPage reads the rows of all tables.
func readPage(text string) (page, error) {
	rows := page{}
	for _, line := range strings.Split(text, "\n") {
		line, isRow := strings.CutPrefix(line, "| ")
		line, isWhole := strings.CutSuffix(line, "|")
		if !isRow {
			continue
		}
		cells := strings.Split(line, "|")
		if !isWhole || len(cells) < 3 {
			return nil, fmt.Errorf("not a row of a table: %q", line)
		}
		name := strings.Trim(strings.TrimSpace(cells[0]), "`")
		if name == "operation" || name == "no." {
			continue
		}
		if _, twice := rows[name]; twice {
			return nil, fmt.Errorf("%q has two rows", name)
		}
		row := pageRow{here: strings.TrimSpace(cells[len(cells)-2])}
		for _, m := range cellTest.FindAllStringSubmatch(cells[len(cells)-1], -1) {
			row.tests = append(row.tests, m[1])
		}
		rows[name] = row
	}
	return rows, nil
}

// complaints says what is wrong with a page: rows that are missing or claim
// something without a test, tests for which exists returns an error.
func (p page) complaints(exists func(test string) error) (found []string) {
	want := operations
	for n := range edges {
		want = append(want[:len(want):len(want)], strconv.Itoa(n+1))
	}
	for _, name := range want {
		row, ok := p[name]
		switch {
		case !ok:
			found = append(found, fmt.Sprintf("%s has no row", name))
		case row.here == "":
			found = append(found, fmt.Sprintf("%s: the row does not say what happens", name))
		case len(row.tests) == 0 && !strings.HasPrefix(row.here, "Not there"):
			found = append(found, fmt.Sprintf("%s: the row names no test", name))
		}
	}
	for name, row := range p {
		for _, test := range row.tests {
			if err := exists(test); err != nil {
				found = append(found, fmt.Sprintf("%s: %v", name, err))
			}
		}
	}
	return found
}

// testExists finds a test named package.Test or package.Test/subtest in the tree. A
// subtest is a text in the package's tests, or one of the checks of stores, which
// are all in docs/guarantees.md.
func testExists(root, test string) error {
	dot := strings.LastIndex(strings.SplitN(test, "/Test", 2)[0], ".Test")
	if dot < 0 {
		return fmt.Errorf("%q does not name a test as package.Test", test)
	}
	dir, rest := filepath.Join(root, test[:dot]), test[dot+1:]
	name, sub, hasSub := strings.Cut(rest, "/")
	sources, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return err
	}
	if !contains(sources, "\nfunc "+name+"(t *testing.T)") {
		return fmt.Errorf("there is no %s", test)
	}
	if hasSub && !contains(sources, strconv.Quote(sub)) && !contains([]string{filepath.Join(root, "docs/guarantees.md")}, " "+sub+" ") {
		return fmt.Errorf("there is no subtest of %s", test)
	}
	return nil
}

// contains reports whether one of the files has the text.
func contains(files []string, text string) bool {
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), text) {
			return true
		}
	}
	return false
}

// TestCompatibilityPage: the page about the original is whole, and every test that
// it names is there.
func TestCompatibilityPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	p, err := readPage(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.complaints(func(test string) error { return testExists("../..", test) }) {
		t.Error(c)
	}
}

// TestAPageThatLacksSomethingIsFound takes things away from the page.
func TestAPageThatLacksSomethingIsFound(t *testing.T) {
	whole, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ old, new, want string }{
		{"| `switch` |", "| `swap` |", "switch has no row"},
		{"\n| 17 |", "\n| 17b |", "17 has no row"},
		{"`manager.TestSwitch`", "`manager.TestSwap`", "there is no manager.TestSwap"},
		{"TestVariants/rev_inner_garbage", "TestVariants/rev_outer_garbage", "there is no subtest of manager.TestVariants/rev_outer_garbage"},
		{"`manager.TestBackfillNeverOverwritesAWriter` |\n| 9", "|\n| 9", "8: the row names no test"},
		{"`manager.TestPurge`", "`TestPurge`", "does not name a test as package.Test"},
	} {
		if !strings.Contains(string(whole), tc.old) {
			t.Errorf("the page has no %q", tc.old)
			continue
		}
		p, err := readPage(strings.Replace(string(whole), tc.old, tc.new, 1))
		if err != nil {
			t.Fatal(err)
		}
		found := p.complaints(func(test string) error { return testExists("../..", test) })
		if len(found) != 1 || !strings.Contains(found[0], tc.want) {
			t.Errorf("%q instead of %q gives %q, want %q", tc.new, tc.old, found, tc.want)
		}
	}
}

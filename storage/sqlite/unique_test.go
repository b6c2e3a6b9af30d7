package sqlite

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/storage"
)

// uniqueIndexesOf returns the names of the indexes of unique paths.
func uniqueIndexesOf(t *testing.T, f *Factory) (names []string) {
	t.Helper()
	rows, err := f.reads.QueryContext(t.Context(), `SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE '%unique%' AND tbl_name LIKE '%_meta' ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

func declareUnique(t *testing.T, f *Factory, model string, paths ...string) {
	t.Helper()
	err := f.SaveModel(t.Context(), storage.ModelInfo{Name: model, IndexedPaths: paths, UniquePaths: paths})
	if err != nil {
		t.Fatal(err)
	}
}

// TestUniquePathsHaveAnIndexEach declares paths that differ by case alone, in turns.
func TestUniquePathsHaveAnIndexEach(t *testing.T) {
	f := openModel(t, Config{})
	for _, paths := range [][]string{{"Email", "email"}, {"email"}, {"EMAIL"}, {"Email", "email", "home.zip"}, nil} {
		declareUnique(t, f, model, paths...)
		if got := uniqueIndexesOf(t, f); len(got) != len(paths) {
			t.Errorf("unique paths %q have the indexes %q", paths, got)
		}
		for _, path := range paths {
			query := fmt.Sprintf(`SELECT data FROM person_meta WHERE is_deleted = 0 AND %s = json_extract(?, '$."%s"')`, heldAt(path), path)
			if got := plan(t, f, query, `{}`); !strings.Contains(got, "INDEX "+tablesOf("", model).uniqueIndex(path)) {
				t.Errorf("of %q, the plan for %s is %q", paths, path, got)
			}
		}
	}
}

// TestOldIndexesOfUniquePathsAreReplaced has one as earlier versions named it.
func TestOldIndexesOfUniquePathsAreReplaced(t *testing.T) {
	f := openModel(t, Config{})
	err := f.do(t.Context(), "make an index in", func(x *tx) error {
		_, err := x.exec(`CREATE INDEX "person_meta_unique_email" ON person_meta (` + heldAt("email") + `) WHERE is_deleted = 0`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	declareUnique(t, f, model, "email")
	if got, want := uniqueIndexesOf(t, f), []string{tablesOf("", model).uniqueIndex("email")}; !slices.Equal(got, want) {
		t.Errorf("the indexes are %q, want %q", got, want)
	}
}

// TestIndexesOfOtherModelsStay has a model whose table is named as the indexes of
// another's unique paths are.
func TestIndexesOfOtherModelsStay(t *testing.T) {
	f := openModel(t, Config{})
	declareUnique(t, f, "person_meta_unique_friend", "email")
	before := uniqueIndexesOf(t, f)
	declareUnique(t, f, model)
	if got := uniqueIndexesOf(t, f); !slices.Equal(got, before) {
		t.Errorf("the indexes %q are %q once another model was saved", before, got)
	}
}

// TestPrefixesThatDifferByCaseAreRefused: to SQLite their tables are the same.
func TestPrefixesThatDifferByCaseAreRefused(t *testing.T) {
	dir := t.TempDir()
	openModel(t, Config{Dir: dir, TablePrefix: "team_"})
	f := open(t, Config{Dir: dir, TablePrefix: "Team_"})
	err := f.SaveModel(t.Context(), storage.ModelInfo{Name: model})
	if !errors.Is(err, storage.ErrUnusableName) {
		t.Errorf("a model in the tables of another store gives %v", err)
	}
}

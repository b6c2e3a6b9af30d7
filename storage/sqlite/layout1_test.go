package sqlite

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"github.com/specstar-worker/worker/internal/unpack"
)

// unpackLayout1 writes a store that the last program of layout 1 made: an
// archive and a save were loaded into it, and it has jobs of several states.
func unpackLayout1(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	unpack.Into(t, dir, "testdata/layout1.tar.gz")
	return dir
}

// rowsOf returns every row of every table that a store of layout 1 has, with the
// columns it has there, but for the list of migrations.
func rowsOf(t *testing.T, dir string, layout1 map[string]string) map[string][]string {
	t.Helper()
	db := rawDB(t, dir)
	content := map[string][]string{}
	for table, columns := range layout1 {
		rows, err := db.Query(`SELECT quote(concat_ws('|', ` + columns + `)) FROM ` + quote(table) + ` ORDER BY 1`)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var row string
			if err := rows.Scan(&row); err != nil {
				t.Fatal(err)
			}
			content[table] = append(content[table], row)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return content
}

// columnsOf returns the tables of a file with the quoted values of their columns.
func columnsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	rows, err := rawDB(t, dir).Query(`SELECT m.name, group_concat('quote("' || c.name || '")') FROM sqlite_schema AS m, pragma_table_info(m.name) AS c
		WHERE m.type = 'table' AND m.name NOT IN ('specstar_schema', 'sqlite_sequence') GROUP BY m.name`)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]string{}
	for rows.Next() {
		var name, columns string
		if err := rows.Scan(&name, &columns); err != nil {
			t.Fatal(err)
		}
		tables[name] = columns
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	return tables
}

// rawDB opens the file of a store without this package's help.
func rawDB(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func layoutOf(t *testing.T, dir string) int {
	t.Helper()
	v, err := readLayout(t.Context(), rawDB(t, dir), dir)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

package sqlgen_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// hostilePaths would do harm if they ended their literal, or name other keys if they were
// read as paths of SQLite.
var hostilePaths = []string{
	"a", "address.city", "a'b", "''", `a"b`, `""`, `a\`, `\'`, `\' OR 1=1 --`, `\\`, "'; DROP TABLE x; --", "$", "$.a", "[0]", "#", "$[#-1]",
	"a\x00b", "\x00", "a\nb", "\t", "", "é", "\U0001f600", "\xff", "?", "$1", "1", "-1", "%s", `a\u0041`, `\x27`, "E'", "/*", "*/", "--",
}

func TestPathLiterals(t *testing.T) {
	for _, c := range []struct {
		path           string
		sqlite, postgr string
	}{
		{"a", `'$."a"'`, `'a'`},
		{"address.city", `'$."address.city"'`, `'address.city'`},
		{"a'b", `'$."a''b"'`, `'a''b'`},
		{`a"b`, `'$."a\"b"'`, `'a"b'`},
		{`\' OR 1=1 --`, `'$."\\'' OR 1=1 --"'`, `E'\\'' OR 1=1 --'`},
		{"a\nb", `'$."a\nb"'`, "'a\nb'"},
		{"a\x00b", "", ""},
		{"\xff", "", ""},
	} {
		if got, ok := sqlgen.PathLiteral(sqlgen.SQLite, c.path); got != c.sqlite || ok != (got != "") {
			t.Errorf("SQLite has %q as %s", c.path, got)
		}
		if got, ok := sqlgen.PathLiteral(sqlgen.PostgreSQL, c.path); got != c.postgr || ok != (got != "") {
			t.Errorf("PostgreSQL has %q as %s", c.path, got)
		}
	}
}

// checkPath looks a key up among others by conditions and an order.
func checkPath(t *testing.T, e engine, path string) {
	t.Helper()
	metas := []resource.Meta{{ResourceID: "none"}}
	for id, data := range map[string]map[string]any{
		"text": {path: "x", "a": "y"}, "number": {path: 5, "a": 6}, "list": {path: []any{"x"}, "a": []any{"y"}},
		"other": {"a": "x", "b": 1}, "map": {"a": map[string]any{"b": "x"}, "address": map[string]any{"city": "x"}},
	} {
		x, err := resource.NewIndexed(data)
		if err == nil && e.holds(nuls.Replace(string(x.AppendJSON(nil)))) {
			metas = append(metas, resource.Meta{ResourceID: resource.ID(id), IndexedData: opt.Of(x)})
		}
	}
	e.fill(t, metas)
	f := qb.Data(path)
	for _, c := range []qb.Cond{
		f.Eq("x"), f.Ne("x"), f.Gt("w"), f.Lt(6), f.In("x", 5), f.Contains("x"), f.StartsWith("x"), f.EndsWith("x"), f.Exists(true), f.Exists(false),
		f.IsNull(true), f.IsNA(true), f.Len().Eq(1), f.Eq([]any{"x"}), f.Contains(qb.Flags(4)),
		qb.Not{f.Eq("x")},
	} {
		compareWithReference(t, e, metas, qb.Query{Where: c, Sort: []qb.Sort{f.Desc()}})
	}
}

func TestSQLitePaths(t *testing.T) {
	e := openSQLite(t)
	for _, path := range hostilePaths {
		checkPath(t, e, path)
	}
}

func TestPostgreSQLPaths(t *testing.T) {
	eachPostgreSQL(t, func(t *testing.T, e engine) {
		conn := e.(postgresEngine).conn
		for _, setting := range []string{"on", "off"} { // what a backslash means in ''
			if _, err := conn.Exec(t.Context(), "SET standard_conforming_strings = "+setting); err != nil {
				t.Fatal(err)
			}
			for _, path := range hostilePaths {
				checkPath(t, e, path)
			}
		}
	})
}

// FuzzPathLiteral has both databases read the literal of any path.
func FuzzPathLiteral(f *testing.F) {
	for _, path := range hostilePaths {
		f.Add(path)
	}
	conn, err := pgx.Connect(f.Context(), pgtest.Database(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = conn.Close(context.Background()) })
	db := openSQLite(f).db
	f.Fuzz(func(t *testing.T, path string) {
		if literal, ok := sqlgen.PathLiteral(sqlgen.PostgreSQL, path); ok {
			var got string
			if err := conn.QueryRow(t.Context(), "SELECT "+literal+"::text").Scan(&got); err != nil || got != path {
				t.Errorf("PostgreSQL reads %s as %q: %v", literal, got, err)
			}
		}
		literal, ok := sqlgen.PathLiteral(sqlgen.SQLite, path)
		if !ok {
			return
		}
		x, err := resource.NewIndexed(map[string]any{path: "here", path + "x": "there", "x" + path: "there"})
		if err != nil {
			t.Fatalf("%q is a path and no key: %v", path, err)
		}
		var got string
		if err := db.QueryRow("SELECT ? ->> "+literal, string(x.AppendJSON(nil))).Scan(&got); err != nil || got != "here" {
			t.Errorf("SQLite finds %q at %s: %v", got, literal, err)
		}
		if strings.Count(literal, "'")%2 != 0 {
			t.Errorf("%s does not end", literal)
		}
	})
}

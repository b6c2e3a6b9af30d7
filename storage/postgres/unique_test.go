package postgres

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/uniquepath"
)

// openUnique opens a store with one model that has unique paths.
func openUnique(t *testing.T, c Config, paths ...string) (*Factory, tables) {
	t.Helper()
	c.DSN = pgtest.Database(t)
	f, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	declare(t, f, paths...)
	names, err := f.tables(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	return f, names
}

func declare(t *testing.T, f *Factory, paths ...string) {
	t.Helper()
	if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: "person", Encoding: resource.JSON, IndexedPaths: paths, UniquePaths: paths}); err != nil {
		t.Fatal(err)
	}
}

// sql runs a statement behind the back of the store.
func sql(t *testing.T, f *Factory, statement string, args ...any) {
	t.Helper()
	if _, err := f.pool.Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func number(t *testing.T, f *Factory, query string, args ...any) (n int) {
	t.Helper()
	if err := f.pool.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func metaOf(id resource.ID) resource.Meta {
	at := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	return resource.Meta{ResourceID: id, CurrentRevisionID: id.Revision(1), TotalRevisionCount: 1, CreatedTime: at, UpdatedTime: at, CreatedBy: "a", UpdatedBy: "a"}
}

// putHolder writes a meta with a value at email as the original would.
func putHolder(t *testing.T, f *Factory, enc resource.Encoding, id resource.ID, value any) {
	t.Helper()
	x, err := resource.NewIndexed(map[string]any{"email": value})
	if err != nil {
		t.Fatal(err)
	}
	m := metaOf(id)
	m.IndexedData = opt.Of(x)
	sql(t, f, `INSERT INTO person_meta (resource_id, data, created_time, updated_time, created_by, updated_by, is_deleted, indexed_data)
		VALUES ($1, $2, now(), now(), 'a', 'a', false, $3::text::jsonb)`, string(id), m.Append(enc, nil), string(x.AppendJSON(nil)))
}

func holdersOf(t *testing.T, f *Factory, names tables, path string, value any) (ids []resource.ID, err error) {
	t.Helper()
	err = f.write(t.Context(), "look for holders in", func(x *tx) error {
		ids, err = f.holders(t.Context(), x, names, path, value)
		return err
	})
	return ids, err
}

func manyValues() []any {
	return []any{
		true, false, int64(0), int64(1), 1.0, 0.1, math.Copysign(0, -1), -1.5, 1e300, 5e-324, 1e16, int64(1e16), int64(1e16) + 1, int64(math.MaxInt64),
		int64(math.MinInt64), float64(math.MinInt64), uint64(1) << 63, float64(1 << 63), float64(1 << 60), int64(1 << 60), uint64(math.MaxUint64),
		math.Inf(1), math.Inf(-1), math.NaN(), "", "1", "a", "A", "é😀", `q"'\`, `\u0000`, "true", "[]", "null", strings.Repeat("long", 5000),
		time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC), "2024-03-01T12:00:00Z", []byte("a"), "YQ==",
		[]byte{},
		[]any{},
		[]any{int64(1)},
		[]any{1.0},
		[]any{true},
		[]any{"a", nil},
		[]any{nil, "a"},
		[]any{[]any{true, 1e16}, map[string]any{"k": int64(1)}},
		map[string]any{},
		map[string]any{"k": int64(1)},
		map[string]any{"k": 1.0},
		map[string]any{"k": true, `"`: "x"},
		map[string]any{"k": nil},
		slices.Repeat([]any{true}, 12), slices.Repeat([]any{1.0}, 12), slices.Repeat([]any{int64(2)}, 100),
		map[string]any{"k": slices.Repeat([]any{int64(0)}, 9)},
	}
}

func TestHoldersAreThoseThatEqual(t *testing.T) {
	for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
		f, names := openUnique(t, Config{Encoding: enc}, "email")
		values := manyValues()
		kept := map[resource.ID]any{}
		for i, v := range values {
			for j, as := range []resource.Encoding{resource.JSON, resource.Msgpack} {
				id := resource.ID(fmt.Sprintf("p%03d%d", i, j))
				putHolder(t, f, as, id, v)
				x, err := resource.NewIndexed(map[string]any{"email": v})
				if err != nil {
					t.Fatal(err)
				}
				if kept[id], err = uniquepath.Stored(as, "email", x); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i, v := range values {
			x, _ := resource.NewIndexed(map[string]any{"email": v})
			var want []resource.ID
			for id, held := range kept {
				as := resource.JSON
				if strings.HasSuffix(string(id), "1") {
					as = resource.Msgpack
				}
				asked, err := uniquepath.Stored(as, "email", x)
				if err != nil {
					t.Fatal(err)
				}
				mine, err := uniquepath.Stored(enc, "email", x)
				if err != nil {
					t.Fatal(err)
				}
				if asked != nil && mine != nil && qb.Equal(held, asked) {
					want = append(want, id)
				}
			}
			slices.Sort(want)
			got, err := holdersOf(t, f, names, "email", v)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: holders of value %d (%T %.50v) are %v (%v), want %v", enc, i, v, v, got, err, want)
			}
		}
		for _, v := range []any{nil, "nobody", "a\x00", []any{"a\x00"}, map[string]any{"a\x00": int64(1)}, int64(7)} {
			if got, err := holdersOf(t, f, names, "email", v); err != nil || len(got) > 0 {
				t.Errorf("%s: holders of %q are %v (%v), want none", enc, v, got, err)
			}
		}
	}
}

func TestHoldersAreFoundByTheIndex(t *testing.T) {
	f, names := openUnique(t, Config{}, "email", "it.s é")
	sql(t, f, `INSERT INTO person_meta (resource_id, data, created_time, updated_time, created_by, updated_by, is_deleted, indexed_data)
		SELECT 'p' || n, '{}', now(), now(), 'a', 'a', false, jsonb_build_object('email', n, 'it.s é', n) FROM generate_series(1, 5000) AS n`)
	for _, path := range []string{"email", "it.s é"} {
		query, args := holdersQuery(names, path, []string{"1", "true"}, int64(1))
		var plan []string
		err := f.write(t.Context(), "explain in", func(x *tx) error {
			return x.each(`EXPLAIN `+query, append([]any{f.identity.number, "person", path}, args...), func(rows pgx.Rows) error {
				line, err := scanText[string](rows)
				plan = append(plan, line)
				return err
			})
		})
		text := strings.Join(plan, "\n")
		if err != nil || !strings.Contains(text, "Index Scan using "+names.uniqueIndex(path)) || strings.Contains(text, "Seq Scan on person_meta") {
			t.Errorf("the plan for %s is (%v)\n%s", path, err, text)
		}
	}
}

func TestDeletedResourcesHoldNothing(t *testing.T) {
	f, names := openUnique(t, Config{}, "email")
	putHolder(t, f, resource.Msgpack, "p1", "x")
	sql(t, f, `UPDATE person_meta SET is_deleted = true`)
	if got, err := holdersOf(t, f, names, "email", "x"); err != nil || len(got) > 0 {
		t.Errorf("holders are %v (%v), want none", got, err)
	}
}

const uniqueIndexCount = `SELECT count(*)::int FROM pg_indexes WHERE indexname LIKE 'specstar\_unique\_%'`

func TestUniqueIndexesFollowTheDeclaration(t *testing.T) {
	long := strings.Repeat("a.path.", 100)
	f, names := openUnique(t, Config{}, "email", long)
	putHolder(t, f, resource.Msgpack, "p1", "x")
	for _, tc := range []struct {
		paths []string
		want  int
	}{{[]string{"email", long}, 2}, {[]string{long}, 1}, {nil, 0}, {[]string{"email", "email"}, 1}} {
		declare(t, f, tc.paths...)
		if n := number(t, f, uniqueIndexCount); n != tc.want {
			t.Errorf("%d indexes for %d paths, want %d", n, len(tc.paths), tc.want)
		}
	}
	if got, err := holdersOf(t, f, names, "email", "x"); err != nil || !slices.Equal(got, []resource.ID{"p1"}) {
		t.Errorf("holders are %v (%v), want p1", got, err)
	}
	for _, path := range []string{"other", "it's", ""} {
		if got, err := holdersOf(t, f, names, path, "x"); err == nil {
			t.Errorf("path %q that is not unique has holders %v", path, got)
		}
	}
	for _, path := range []string{"", `a"b`, "it's", `a\b`, "a\nb", "\xff"} {
		err := f.SaveModel(t.Context(), storage.ModelInfo{Name: "person", Encoding: resource.JSON, UniquePaths: []string{path}})
		if !errors.Is(err, storage.ErrUnusableName) {
			t.Errorf("path %q was taken: %v", path, err)
		}
	}
}

func TestMissingUniqueIndexIsAnErrorWhereNoneMayBeMade(t *testing.T) {
	f, _ := openUnique(t, Config{}, "email")
	f.noMigrate = true
	declare(t, f, "email")
	err := f.SaveModel(t.Context(), storage.ModelInfo{Name: "person", Encoding: resource.JSON, UniquePaths: []string{"name"}})
	if err == nil || !strings.Contains(err.Error(), "CREATE INDEX") {
		t.Errorf("error is %v, want one with the statement", err)
	}
	declare(t, f)
	if n := number(t, f, uniqueIndexCount); n != 1 {
		t.Errorf("%d indexes are left, want the one", n)
	}
}

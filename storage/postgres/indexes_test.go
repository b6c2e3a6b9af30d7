package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// wanted are declared indexes of every kind.
var wanted = []storage.Index{
	{Keys: []storage.IndexKey{{Attr: qb.AttrRevCreatedTime}}},
	{Keys: []storage.IndexKey{{Attr: qb.AttrRevStatus}, {Path: `it's \"p"`}}},
	{Equal: "sku"},
	{Elements: "tags"},
}

func makeIndexes(t *testing.T, f *Factory, want []storage.Index, drop bool) map[storage.IndexState]int {
	t.Helper()
	status, err := f.MakeIndexes(t.Context(), "person", want, drop)
	if err != nil {
		t.Fatal(err)
	}
	return statesOf(t, status)
}

// statesOf counts indexes by state, and fails on a problem.
func statesOf(t *testing.T, status []storage.IndexStatus) map[storage.IndexState]int {
	t.Helper()
	states := map[storage.IndexState]int{}
	for _, x := range status {
		states[x.State]++
		if x.Problem != "" || x.Name == "" || x.On == "" || x.Statement == "" {
			t.Errorf("%+v", x)
		}
	}
	return states
}

const declaredCount = `SELECT count(*)::int FROM pg_indexes WHERE starts_with(indexname, 'specstar_index_')`

func TestDeclaredIndexesAreMadeAndDropped(t *testing.T) {
	for name, rows := range map[string]int{"an empty table": 0, "a table with rows": 10} {
		t.Run(name, func(t *testing.T) {
			f := openSwept(t, Config{})
			if rows > 0 {
				makeSwept(t, f, 0, rows)
			}
			status, err := f.Indexes(t.Context(), "person", wanted)
			if err != nil {
				t.Fatal(err)
			}
			if got := statesOf(t, status); got[storage.IndexMissing] != 5 || got[storage.IndexThere] != 5 {
				t.Errorf("before: %v", got)
			}
			for range 2 {
				if got := makeIndexes(t, f, wanted, false); got[storage.IndexThere] != 10 || number(t, f, declaredCount) != 5 {
					t.Errorf("made: %v", got)
				}
			}
			sql(t, f, `CREATE INDEX person_meta_rev ON person_meta (rev_status)`) // of a former version
			if got := makeIndexes(t, f, wanted[:1], false); got[storage.IndexUnwanted] != 5 || number(t, f, declaredCount) != 5 {
				t.Errorf("no more wanted: %v", got)
			}
			if got := makeIndexes(t, f, wanted[:1], true); got[storage.IndexThere] != 6 || got[storage.IndexDropped] != 5 || number(t, f, declaredCount) != 1 {
				t.Errorf("dropped: %v", got)
			}
			if n := number(t, f, `SELECT count(*)::int FROM pg_indexes WHERE indexname = 'person_meta_rev'`); n != 0 {
				t.Error("the index of a former version is there")
			}
		})
	}
}

// A making that was interrupted leaves half an index, which the next one replaces.
func TestInterruptedIndexIsMadeAgain(t *testing.T) {
	f := openSwept(t, Config{})
	makeSwept(t, f, 0, 10)
	writer, err := pgx.Connect(t.Context(), f.pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = writer.Close(context.Background()) }()
	if _, err := writer.Exec(t.Context(), `BEGIN; UPDATE person_meta SET is_deleted = false`); err != nil {
		t.Fatal(err)
	}
	go func() {
		for number(t, f, `SELECT count(*)::int FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_progress_create_index
			WHERE datname = current_database() AND index_relid <> 0) AS ended`) == 0 { // the making waits for the writer
			time.Sleep(time.Millisecond)
		}
	}()
	if status, err := f.MakeIndexes(t.Context(), "person", wanted[:1], false); err == nil {
		t.Fatalf("interrupted: %+v", status)
	}
	if _, err := writer.Exec(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	status, err := f.Indexes(t.Context(), "person", wanted[:1])
	if err != nil || statesOf(t, status)[storage.IndexUnfinished] != 1 {
		t.Fatalf("%+v (%v)", status, err)
	}
	if got := makeIndexes(t, f, wanted[:1], false); got[storage.IndexThere] != 6 || number(t, f, declaredCount) != 1 {
		t.Errorf("made again: %v", got)
	}
}

func TestIndexesAreLeftToWhoMakesThem(t *testing.T) {
	f := openSwept(t, Config{})
	other, err := f.acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Release()
	if _, err := other.Exec(t.Context(), `SELECT pg_advisory_lock($1)`, int64(indexLock)); err != nil {
		t.Fatal(err)
	}
	status, err := f.MakeIndexes(t.Context(), "person", wanted, false)
	if err != nil || number(t, f, declaredCount) != 0 {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(status, func(x storage.IndexStatus) bool { return strings.Contains(x.Problem, "another process") }); i < 0 {
		t.Errorf("%+v", status)
	}
	if _, err := other.Exec(t.Context(), `SELECT pg_advisory_unlock($1)`, int64(indexLock)); err != nil {
		t.Fatal(err)
	}
	if got := makeIndexes(t, f, wanted, false); got[storage.IndexThere] != 10 {
		t.Errorf("then: %v", got)
	}
}

func TestNoIndexIsMadeWithoutLeave(t *testing.T) {
	f := openSwept(t, Config{})
	g, err := Open(t.Context(), Config{DSN: f.pool.Config().ConnString(), NoMigrate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = g.Close() }()
	status, err := g.MakeIndexes(t.Context(), "person", wanted, true)
	if err != nil || number(t, f, declaredCount) != 0 {
		t.Fatalf("%d indexes (%v)", number(t, f, declaredCount), err)
	}
	problems := 0
	for _, x := range status {
		if x.State != storage.IndexMissing {
			continue
		}
		problems++
		if !strings.Contains(x.Problem, "by the statement") {
			t.Errorf("%+v", x)
		}
		sql(t, f, x.Statement) // it is one that works
	}
	if problems != 5 || makeIndexes(t, f, wanted, false)[storage.IndexThere] != 10 {
		t.Errorf("%d problems", problems)
	}
	r, err := Open(t.Context(), Config{DSN: f.pool.Config().ConnString(), ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if _, err := r.MakeIndexes(t.Context(), "person", wanted, true); !errors.Is(err, errReadOnly) {
		t.Errorf("a store for reading makes indexes: %v", err)
	}
}

func TestImpossibleIndexesAreTold(t *testing.T) {
	f := openSwept(t, Config{})
	status, err := f.MakeIndexes(t.Context(), "person", []storage.Index{
		{Keys: []storage.IndexKey{{Attr: qb.AttrTotalRevisionCount}}},
		{Keys: []storage.IndexKey{{Attr: qb.AttrCreatedBy}, {Path: "name"}}},
		{Equal: "nul\x00"},
		{},
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	var problems []string
	for _, x := range status {
		if x.Problem != "" {
			problems = append(problems, x.Problem)
		}
	}
	for i, part := range []string{"no column", "longer than PostgreSQL takes", "no meta", "either keys"} { // in the order asked
		if len(problems) != 4 || !strings.Contains(problems[i], part) {
			t.Fatalf("problems are %q", problems)
		}
	}
}

// Values of any length and type can be written into a table with every kind of index.
func TestIndexesTakeEveryValue(t *testing.T) {
	f := openSwept(t, Config{})
	long := strings.Repeat("wörter, die sich nicht zusammenpressen lassen: "+strings.Repeat("x", 7), 4000)
	want := append(slices.Clone(wanted), storage.Index{Keys: []storage.IndexKey{{Path: "sku"}}})
	makeIndexes(t, f, want, false)
	var metas []resource.Meta
	for i, v := range []any{long, nil, true, int64(1) << 62, 1e300, []any{long, int64(1)}, map[string]any{"a": long}, ""} {
		m := metaOf(sweptID(i))
		x, err := resource.NewIndexed(map[string]any{"sku": v, `it's \"p"`: v})
		if err != nil {
			t.Fatal(err)
		}
		m.IndexedData = opt.Of(x)
		m.Rev.Status = opt.Of(resource.Draft)
		metas = append(metas, m)
	}
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	if err := stores.Metas.SaveMany(t.Context(), metas); err != nil {
		t.Fatal(err)
	}
	if n := number(t, f, `SELECT count(*)::int FROM person_meta`); n != len(metas) {
		t.Errorf("%d metas", n)
	}
}

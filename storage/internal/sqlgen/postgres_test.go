package sqlgen_test

import (
	"context"
	"iter"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// The original's two layouts of a meta table.
const (
	plainLayout = `CREATE TABLE "metas of ""x""" (resource_id TEXT PRIMARY KEY, data BYTEA NOT NULL,
		created_time TIMESTAMP NOT NULL, updated_time TIMESTAMP NOT NULL, created_by TEXT NOT NULL, updated_by TEXT NOT NULL,
		is_deleted BOOLEAN NOT NULL, schema_version TEXT, indexed_data JSONB, rev_status TEXT, rev_created_by TEXT,
		rev_updated_by TEXT, rev_created_time TIMESTAMP, rev_updated_time TIMESTAMP)`
	zonedLayout = `CREATE TABLE "metas of ""x""" (resource_id VARCHAR(255) PRIMARY KEY, data BYTEA NOT NULL,
		created_time TIMESTAMPTZ NOT NULL, updated_time TIMESTAMPTZ NOT NULL, created_by VARCHAR(255) NOT NULL, updated_by VARCHAR(255) NOT NULL,
		is_deleted BOOLEAN NOT NULL, schema_version VARCHAR(100), indexed_data JSONB, rev_status VARCHAR(50), rev_created_by VARCHAR(255),
		rev_updated_by VARCHAR(255), rev_created_time TIMESTAMPTZ, rev_updated_time TIMESTAMPTZ)`
)

// databases are those that the statements are proved on.
var databases = map[string]struct {
	layout  string
	options pgtest.DatabaseOptions
}{
	"C":                 {plainLayout, pgtest.DatabaseOptions{}},
	"English order":     {plainLayout, pgtest.DatabaseOptions{ICULocale: "en-US"}},
	"local times":       {plainLayout, pgtest.DatabaseOptions{TimeZone: "Asia/Taipei"}},
	"times with a zone": {zonedLayout, pgtest.DatabaseOptions{TimeZone: "America/New_York", ICULocale: "zh-Hant-TW"}},
}

// eachPostgreSQL runs a check on all of them.
func eachPostgreSQL(t *testing.T, check func(*testing.T, engine)) {
	for name, d := range databases {
		t.Run(name, func(t *testing.T) { check(t, openPostgreSQL(t, d.layout, d.options)) })
	}
}

func openPostgreSQL(t *testing.T, layout string, options pgtest.DatabaseOptions) postgresEngine {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pgtest.DatabaseWith(t, options))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	if _, err := conn.Exec(t.Context(), layout); err != nil {
		t.Fatal(err)
	}
	return postgresEngine{ctx: t.Context(), conn: conn, zone: options.TimeZone, kept: kept{}}
}

// TestPostgreSQLEqualsMatch compares the generated SQL, run by a real PostgreSQL,
// with the reference on random rows and queries.
func TestPostgreSQLEqualsMatch(t *testing.T) { eachPostgreSQL(t, checkDrawn) }

// TestTimesWithoutAZoneAreTakenAsTheyAre as the original's are: columns hold them
// unconverted, and so they are compared.
func TestTimesWithoutAZoneAreTakenAsTheyAre(t *testing.T) {
	eachPostgreSQL(t, func(t *testing.T, e engine) {
		at := time.Date(2024, 3, 1, 8, 0, 0, 0, resource.Naive)
		e.fill(t, []resource.Meta{{ResourceID: "a", CreatedTime: at, UpdatedTime: at}})
		conn := e.(postgresEngine).conn
		if _, err := conn.Exec(t.Context(), `UPDATE "metas of ""x""" SET created_time = timestamp '2024-03-01 08:00'`); err != nil {
			t.Fatal(err)
		}
		q := qb.Query{Where: qb.CreatedTime().Eq(at)}
		p, err := sqlgen.Compile(sqlgen.PostgreSQL, table, "data", q)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.run(t, p, q); len(got) != 1 {
			t.Errorf("%s %v selects %v", p.SQL, p.Args, got)
		}
	})
}

func TestPostgreSQLInjection(t *testing.T) { eachPostgreSQL(t, checkInjections) }

func TestPostgreSQLLargestStatements(t *testing.T) { eachPostgreSQL(t, checkLargest) }

type postgresEngine struct {
	ctx  context.Context // the test's: the methods have no room for it
	conn *pgx.Conn
	zone string
	kept kept
}

func (e postgresEngine) dialect() sqlgen.Dialect { return sqlgen.PostgreSQL }

func (e postgresEngine) holds(text string) bool {
	return utf8.ValidString(text) && !strings.Contains(text, "\x00")
}

// times have a zone where local times are not those of UTC: what has none is no instant
// there, see TestTimesWithoutAZoneAreTakenAsTheyAre.
func (e postgresEngine) times() *rapid.Generator[time.Time] {
	if e.zone == "" {
		return anyTimes
	}
	return anyTimes.Filter(func(t time.Time) bool { return !resource.IsNaive(t) })
}

// fill stores instants, as the original does: the server makes local times of
// them where the column has no zone.
func (e postgresEngine) fill(t failer, metas []resource.Meta) {
	t.Helper()
	e.kept.keep(metas)
	batch := &pgx.Batch{}
	batch.Queue(`DELETE FROM "metas of ""x"""`)
	for _, m := range metas {
		batch.Queue(`INSERT INTO "metas of ""x""" (resource_id, created_time, updated_time, created_by, updated_by, is_deleted,
			schema_version, rev_status, rev_created_by, rev_updated_by, rev_created_time, rev_updated_time, data, indexed_data)
			VALUES ($1, $2::timestamptz, $3::timestamptz, $4, $5, $6, $7, $8, $9, $10, $11::timestamptz, $12::timestamptz, $13, $14::jsonb)`,
			string(m.ResourceID), m.CreatedTime, m.UpdatedTime, m.CreatedBy, m.UpdatedBy, m.IsDeleted, null(m.SchemaVersion),
			null(m.Rev.Status), null(m.Rev.CreatedBy), null(m.Rev.UpdatedBy), instant(m.Rev.CreatedTime), instant(m.Rev.UpdatedTime),
			[]byte(m.ResourceID), indexed(m))
	}
	if err := e.conn.SendBatch(e.ctx, batch).Close(); err != nil {
		t.Fatalf("fill the table: %v", err)
	}
}

func instant(v opt.Value[time.Time]) any {
	if at, ok := v.Get(); ok {
		return at
	}
	return nil
}

func (e postgresEngine) run(t failer, p sqlgen.Plan, q qb.Query) []resource.Meta {
	t.Helper()
	return gathered(t, p.SQL, p.Run(q, func(text string, args []any) iter.Seq2[resource.Meta, error] {
		rows, err := e.conn.Query(e.ctx, text, args...)
		if err != nil {
			t.Fatalf("%s\n%q: %v", text, args, err)
		}
		metas, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m resource.Meta, err error) {
			var data []byte
			if err := row.Scan(&data); err != nil {
				return m, err
			}
			return e.kept[string(data)], nil
		})
		if err != nil {
			t.Fatalf("%s\n%q: %v", text, args, err)
		}
		return each(metas)
	}))
}

// each yields all of a slice.
func each[T any](values []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range values {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func (e postgresEngine) count(t failer, p sqlgen.CountPlan, q qb.Query) (n int64) {
	t.Helper()
	counts := []any{&n, new(int64)}
	if p.Exact {
		counts = counts[:1]
	}
	if err := e.conn.QueryRow(e.ctx, p.SQL, p.Args...).Scan(counts...); err != nil {
		t.Fatalf("%s\n%q: %v", p.SQL, p.Args, err)
	}
	if p.Exact || *counts[1].(*int64) == 0 {
		return n
	}
	rows, err := e.conn.Query(e.ctx, p.Decide, p.DecideArgs...)
	if err != nil {
		t.Fatalf("%s: %v", p.Decide, err)
	}
	counted, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c sqlgen.Counted, err error) {
		var data []byte
		if err := row.Scan(&c.N, &data); err != nil || data == nil {
			return c, err
		}
		c.Some = true
		c.Meta = e.kept[string(data)]
		return c, nil
	})
	if err != nil {
		t.Fatalf("%s: %v", p.Decide, err)
	}
	n, err = sqlgen.Total(each(counted), q)
	if err != nil {
		t.Fatalf("Total: %v", err)
	}
	return n
}

// plan is what PostgreSQL says of how it runs a statement.
func (e postgresEngine) plan(t *testing.T, explain string, p sqlgen.Plan) string {
	t.Helper()
	rows, err := e.conn.Query(t.Context(), explain+p.SQL, p.Args...)
	if err != nil {
		t.Fatal(err)
	}
	steps, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(steps, "\n")
}

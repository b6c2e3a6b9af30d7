package sqlgen_test

import (
	"context"
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
		t.Run(name, func(t *testing.T) {
			conn, err := pgx.Connect(t.Context(), pgtest.DatabaseWith(t, d.options))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close(context.Background()) })
			if _, err := conn.Exec(t.Context(), d.layout); err != nil {
				t.Fatal(err)
			}
			check(t, postgresEngine{ctx: t.Context(), conn: conn, zone: d.options.TimeZone})
		})
	}
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
		text, args, err := sqlgen.Select(sqlgen.PostgreSQL, table, "resource_id", qb.Query{Where: qb.CreatedTime().Eq(at)})
		if err != nil {
			t.Fatal(err)
		}
		if got := e.ids(t, text, args); len(got) != 1 {
			t.Errorf("%s %v selects %v", text, args, got)
		}
	})
}

func TestPostgreSQLInjection(t *testing.T) { eachPostgreSQL(t, checkInjections) }

func TestPostgreSQLLargestStatements(t *testing.T) { eachPostgreSQL(t, checkLargest) }

type postgresEngine struct {
	ctx  context.Context // the test's: the methods have no room for it
	conn *pgx.Conn
	zone string
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
	batch := &pgx.Batch{}
	batch.Queue(`DELETE FROM "metas of ""x"""`)
	for _, m := range metas {
		batch.Queue(`INSERT INTO "metas of ""x""" (resource_id, data, created_time, updated_time, created_by, updated_by, is_deleted,
			schema_version, rev_status, rev_created_by, rev_updated_by, rev_created_time, rev_updated_time)
			VALUES ($1, 'x', $2::timestamptz, $3::timestamptz, $4, $5, $6, $7, $8, $9, $10, $11::timestamptz, $12::timestamptz)`,
			string(m.ResourceID), m.CreatedTime, m.UpdatedTime, m.CreatedBy, m.UpdatedBy, m.IsDeleted, null(m.SchemaVersion),
			null(m.Rev.Status), null(m.Rev.CreatedBy), null(m.Rev.UpdatedBy), instant(m.Rev.CreatedTime), instant(m.Rev.UpdatedTime))
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

func (e postgresEngine) ids(t failer, text string, args []any) []string {
	t.Helper()
	rows, err := e.conn.Query(e.ctx, text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return ids
}

func (e postgresEngine) count(t failer, text string, args []any) (n int) {
	t.Helper()
	if err := e.conn.QueryRow(e.ctx, text, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return n
}

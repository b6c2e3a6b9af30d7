package peertest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
)

// zones are time zones of databases: the usual one, one far from it, one whose clocks
// change, one that is not at a whole hour. The times of the random applications of
// seeds 13 and 21 have no zone.
var zones = []struct {
	name  string
	seeds []int64
}{{"UTC", []int64{5}}, {"Asia/Taipei", []int64{13, 5}}, {"Europe/Berlin", []int64{21, 7}}, {"Asia/Kathmandu", []int64{9}}}

// TestRowsAreThoseOfTheOriginal loads one archive with the original and here, into
// databases of each time zone: the rows of all tables are equal, column by column,
// and filters by users, times and statuses select the same.
func TestRowsAreThoseOfTheOriginal(t *testing.T) {
	p := pypeer.Start(t)
	c := compositions[0]
	for _, z := range zones {
		t.Run(z.name, func(t *testing.T) {
			for _, seed := range z.seeds {
				sameTables(t, p, c, z.name, seed)
			}
		})
	}
}

func sameTables(t *testing.T, p *pypeer.Peer, c composition, zone string, seed int64) {
	t.Helper()
	s := randomSource(t, p, seed, 150)
	theirs := s.config
	theirs.Store = c.place(t, zone)
	app := p.MustNew(t, theirs)
	if _, err := app.Load(s.archive, "raise_error"); err != nil {
		t.Fatal(err)
	}
	place := c.place(t, zone)
	ours := open(t, place)
	ours.load(t, s.archive, manager.LoadOptions{})
	sameRows(t, theirs.Store.DSN, place.DSN)
	found := 0
	for _, m := range app.Models {
		found += sameAnswers(t, app, ours, m.Name)
	}
	if found < 500 {
		t.Errorf("only %d ids were found", found)
	}
}

// sameRows compares all tables of the models in two databases.
func sameRows(t *testing.T, theirs, ours string) {
	t.Helper()
	want, got := tableRows(t, theirs), tableRows(t, ours)
	if len(want) < 100 {
		t.Fatalf("only %d rows are compared", len(want))
	}
	if d := want.Diff(got); d != "" {
		t.Errorf("-original +ours:\n%s", d)
	}
}

// tableRows returns every row of the tables that the original makes, by table and
// primary key, as text.
func tableRows(t *testing.T, dsn string) pypeer.State {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	rows, err := conn.Query(t.Context(), `SELECT relname::text FROM pg_class WHERE relkind = 'r' AND pg_table_is_visible(oid)
		AND relnamespace = 'public'::regnamespace AND NOT starts_with(relname, 'specstar_') ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	s := pypeer.State{}
	for _, name := range names {
		addRows(t, conn, name, s)
	}
	return s
}

func addRows(t *testing.T, conn *pgx.Conn, table string, s pypeer.State) {
	t.Helper()
	key := "resource_id"
	switch {
	case strings.HasSuffix(table, "_data"):
		key = "uid"
	case strings.HasSuffix(table, "_index"):
		key = "concat(resource_id, ' ', revision_id, ' ', schema_version)"
	}
	rows, err := conn.Query(t.Context(), fmt.Sprintf(`SELECT %s, r::text FROM %s AS r`, key, pgx.Identifier{table}.Sanitize()))
	if err != nil {
		t.Fatal(err)
	}
	var id, row string
	_, err = pgx.ForEachRow(rows, []any{&id, &row}, func() error {
		s[table+" "+id] = []byte(row)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

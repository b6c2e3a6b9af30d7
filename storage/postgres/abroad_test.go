package postgres_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
	"github.com/specstar-worker/worker/storage/postgres"
	"github.com/specstar-worker/worker/storage/storagetest"
)

// openIn returns what opens stores in schemas of one database, by their places.
func openIn(dsn string) func(ctx context.Context, place string) (storage.Factory, error) {
	return func(ctx context.Context, place string) (storage.Factory, error) {
		dsn, err := schemaOf(ctx, dsn, place)
		if err != nil {
			return nil, err
		}
		return postgres.Open(ctx, postgres.Config{DSN: dsn, Connections: 8})
	}
}

// TestConformanceElsewhere is TestConformance in English order, and on a newer server;
// it is one of the long tests.
func TestConformanceElsewhere(t *testing.T) {
	english := pgtest.Abroad(t)
	english.TimeZone = "UTC"
	if english.Locale+english.ICULocale == "" {
		t.Error("abroad is at home")
	}
	if os.Getenv("SPECSTAR_TEST_LONG") == "" {
		return
	}
	for name, make := range map[string]func() string{
		"english": func() string { return pgtest.DatabaseWith(t, english) },
		"newer":   func() string { return pgtest.NewerDatabase(t) },
	} {
		t.Run(name, func(t *testing.T) {
			dsn := os.Getenv(dsnVariable)
			if dsn == "" {
				dsn = make()
				t.Setenv(dsnVariable, dsn)
			}
			storagetest.Run(t, storagetest.Harness{Open: openIn(dsn)})
		})
	}
}

// TestConformanceInTaipei does what needs no other process, and, but for the long
// tests, only what is about metas. Queries are left out: where sessions are not in UTC
// the original's columns cannot tell a time without a zone from the instant that reads
// the same there, see TestTimesAreThoseOfTheServersZone.
func TestConformanceInTaipei(t *testing.T) {
	open := openIn(pgtest.DatabaseWith(t, pgtest.Abroad(t)))
	done := 0
	for i, c := range check.All() {
		long := os.Getenv("SPECSTAR_TEST_LONG") != "" || strings.Contains(c.Name, "meta")
		if c.Guarantee() == 16 || c.Needs == check.Process || !long {
			continue
		}
		done++
		r := c.Run(t.Context(), open, fmt.Sprintf("c%03d", i), check.Options{Dir: t.TempDir()})
		if r.State != check.Passed {
			t.Errorf("%s: %s %s", c.Name, r.Where, r.Message)
		}
	}
	if done < 5 {
		t.Errorf("%d checks were done", done)
	}
}

// Ids that are ordered otherwise in English than by their bytes.
var abroadIDs = []resource.ID{"A:1", "B:1", "Z", "_x", "a:1", "a:10", "a:2", "a_1", "b-1", "b1", "z", "~", "ä", "é", "李"}

// inAbroad runs a check on stores in databases of several locales and zones.
func inAbroad(t *testing.T, check func(t *testing.T, dsn string)) {
	english := pgtest.Abroad(t)
	daylight := english
	daylight.TimeZone = "America/New_York"
	for _, o := range []pgtest.DatabaseOptions{english, daylight} {
		t.Run(o.TimeZone, func(t *testing.T) { check(t, pgtest.DatabaseWith(t, o)) })
	}
}

// saveAbroad stores a model with a resource of every id.
func saveAbroad(t *testing.T, f *postgres.Factory, at func(i int) time.Time) storage.Stores {
	t.Helper()
	if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: "doc", Encoding: resource.JSON}); err != nil {
		t.Fatal(err)
	}
	stores, err := f.Build(t.Context(), "doc")
	if err != nil {
		t.Fatal(err)
	}
	var metas []resource.Meta
	var revisions []resource.Revision
	for i, id := range slices.Backward(abroadIDs) {
		m := metaAt(t, id, "name", string(id))
		m.CreatedTime, m.UpdatedTime = at(i), at(i)
		if i%2 == 0 {
			m.Rev = resource.RevMeta{Status: opt.Of(resource.Stable), CreatedBy: opt.Of("a"), UpdatedBy: opt.Of("a"), CreatedTime: opt.Of(at(i)), UpdatedTime: opt.Of(at(i))}
		}
		metas = append(metas, m)
		revisions = append(revisions, revisionOf(m))
	}
	if err := stores.Revisions.SaveMany(t.Context(), revisions); err != nil {
		t.Fatal(err)
	}
	if err := stores.Metas.SaveMany(t.Context(), metas); err != nil {
		t.Fatal(err)
	}
	return stores
}

func TestOrderIsThatOfBytesInEnglish(t *testing.T) {
	inAbroad(t, func(t *testing.T, dsn string) {
		if n := lines(t, connect(t, dsn), `SELECT ('a' < 'B')::text`); n[0] != "true" {
			t.Fatal("the database is not in English order")
		}
		f := openStore(t, postgres.Config{DSN: dsn})
		m := saveAbroad(t, f, func(int) time.Time { return goldenStart })
		var all, searched, unfilled, dumped []resource.ID
		for meta, err := range m.Metas.All(t.Context()) {
			all = appendID(t, all, meta.ResourceID, err)
		}
		for meta, err := range m.Metas.Search(t.Context(), qb.Query{}) {
			searched = appendID(t, searched, meta.ResourceID, err)
		}
		for after, more := resource.ID(""), true; more; {
			page, err := m.Metas.Unfilled(t.Context(), storage.Range{After: after}, 2)
			for _, u := range page {
				unfilled = appendID(t, unfilled, u.Meta.ResourceID, err)
			}
			if more = len(page) > 0 && err == nil; more {
				after = page[len(page)-1].Meta.ResourceID
			}
		}
		for rev, err := range m.Revisions.DumpAll(t.Context(), slices.Values(abroadIDs)) {
			dumped = appendID(t, dumped, rev.Info.ResourceID, err)
		}
		for what, got := range map[string][]resource.ID{"All": all, "Search": searched, "DumpAll": dumped} {
			if !slices.Equal(got, abroadIDs) {
				t.Errorf("%s: %q, want %q", what, got, abroadIDs)
			}
		}
		if len(unfilled) != len(abroadIDs)/2 || !slices.IsSorted(unfilled) {
			t.Errorf("Unfilled: %q", unfilled)
		}
		for _, q := range []qb.Query{
			qb.Query{}.OrderBy(qb.Data("name").Desc()), qb.Where(qb.Data("name").Gt("Z")).OrderBy(qb.Data("name").Asc()),
			qb.Where(qb.ResourceID().Gt("a:1")).Page(3, 2), qb.Query{}.OrderBy(qb.CreatedBy().Asc()),
		} {
			checkQuery(t, m.Metas, q)
		}
	})
}

func appendID(t *testing.T, ids []resource.ID, id resource.ID, err error) []resource.ID {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return append(ids, id)
}

// TestTimesAreThoseOfTheServersZone: what is written to columns, by COPY, upsert and
// backfill, is what the server itself makes of the instant, around changes of the
// clock too, and searches find the instant.
func TestTimesAreThoseOfTheServersZone(t *testing.T) {
	instants := []time.Time{
		time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(1883, 11, 18, 17, 0, 0, 1000, time.UTC), // before New York had a zone
		time.Date(2024, 3, 10, 6, 59, 59, 999999000, time.UTC),
		time.Date(2024, 3, 10, 7, 0, 0, 0, time.UTC), // an hour is left out there
		time.Date(2024, 11, 3, 5, 30, 0, 0, time.UTC),
		time.Date(2024, 11, 3, 6, 45, 0, 0, time.UTC), // the hour that comes twice
		time.Date(2024, 7, 1, 12, 0, 0, 123456000, time.FixedZone("", 8*3600)),
		time.Date(9999, 12, 31, 12, 0, 0, 0, time.UTC),
	}
	at := func(i int) time.Time { return instants[i%len(instants)] }
	inAbroad(t, func(t *testing.T, dsn string) {
		f := openStore(t, postgres.Config{DSN: dsn})
		stores := saveAbroad(t, f, at)
		conn := connect(t, dsn)
		for i, id := range abroadIDs {
			want := lines(t, conn, `SELECT $1::text::timestamptz::timestamp::text`, at(i).Format(time.RFC3339Nano))[0]
			for _, column := range []string{"created_time", "updated_time", "rev_created_time", "rev_updated_time"} {
				got := lines(t, conn, `SELECT coalesce(`+column+`::text, '') FROM doc_meta WHERE resource_id = $1`, string(id))[0]
				if got != want && (column[:4] != "rev_" || i%2 == 0) {
					t.Errorf("%s of %s is %s, want %s for %s", column, id, got, want, at(i))
				}
			}
		}
		for _, instant := range instants {
			for _, q := range []qb.Query{
				qb.Where(qb.CreatedTime().Gte(instant)), qb.Where(qb.RevUpdatedTime().Lt(instant)), qb.Where(qb.UpdatedTime().Between(instant, instant)),
			} {
				if instant.Month() == time.November && instant.Year() == 2024 && lines(t, conn, `SHOW TimeZone`)[0] != "Asia/Taipei" {
					continue // the column cannot tell the two hours apart
				}
				checkQuery(t, stores.Metas, q)
			}
		}
	})
}

// revisionOf returns the revision that a meta speaks of.
func revisionOf(m resource.Meta) resource.Revision {
	return resource.Revision{Info: resource.RevisionInfo{
		UID: uuid.NewSHA1(uuid.Nil, []byte(m.ResourceID)), ResourceID: m.ResourceID, RevisionID: m.CurrentRevisionID,
		Status: resource.Stable, CreatedTime: m.CreatedTime, UpdatedTime: m.UpdatedTime, CreatedBy: m.CreatedBy, UpdatedBy: m.UpdatedBy,
	}, Data: []byte(`{}`)}
}

package scale

import (
	"context"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
)

// throughProxy connects to an empty database through a proxy.
func throughProxy(t *testing.T, delay time.Duration) (*proxy, *pgx.Conn) {
	t.Helper()
	ctx := t.Context()
	d, err := openDatabase(ctx, pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.close(context.WithoutCancel(ctx)) })
	p, err := startProxy(d.network, d.address, delay)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.makeSchema(ctx, "mine"); err != nil {
		t.Fatal(err)
	}
	dsn, err := d.through(p, "mine")
	if err != nil {
		t.Fatal(err)
	}
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close(context.WithoutCancel(ctx)) // the proxy may have ended it
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, c
}

func TestTheProxyCounts(t *testing.T) {
	p, c := throughProxy(t, 0)
	ctx := t.Context()
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := c.Exec(ctx, sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE TABLE t (n bigint)`)
	var schema string
	if err := c.QueryRow(ctx, `SELECT schemaname FROM pg_tables WHERE tablename = 't'`).Scan(&schema); err != nil || schema != "mine" {
		t.Fatalf("the table is in %q, %v", schema, err)
	}
	before := p.traffic()
	exec(`BEGIN`) // one statement and one round trip each, as all without arguments
	exec(`INSERT INTO t VALUES (1)`)
	exec(`COMMIT`)
	rows := make([][]any, 100_000)
	for i := range rows {
		rows[i] = []any{int64(i)}
	}
	if n, err := c.CopyFrom(ctx, pgx.Identifier{"t"}, []string{"n"}, pgx.CopyFromRows(rows)); err != nil || n != 100_000 {
		t.Fatalf("%d rows, %v", n, err)
	}
	after := p.traffic()
	if got := after.Transactions - before.Transactions; got != 3 { // the columns are described first
		t.Errorf("%d transactions", got)
	}
	if got := after.RoundTrips - before.RoundTrips; got != 5 {
		t.Errorf("%d round trips", got)
	}
	var n int
	if err := c.QueryRow(ctx, `SELECT count(*) FROM t`).Scan(&n); err != nil || n != 100_001 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// TestTheProxyDelaysTheEndOfTransactions: not what is inside of them.
func TestTheProxyDelaysTheEndOfTransactions(t *testing.T) {
	const delay = 50 * time.Millisecond
	_, c := throughProxy(t, delay)
	ctx := t.Context()
	took := func(sql string) time.Duration {
		t.Helper()
		began := time.Now()
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
		return time.Since(began)
	}
	quickest := took(`BEGIN`)
	for range 5 {
		quickest = min(quickest, took(`SELECT 1`))
	}
	if quickest >= delay {
		t.Errorf("each statement within a transaction takes %s", quickest)
	}
	if d := took(`COMMIT`); d < delay {
		t.Errorf("a commit takes %s", d)
	}
	if d := took(`SELECT 1`); d < delay {
		t.Errorf("a transaction of one statement takes %s", d)
	}
}

func TestTheProxyEndsWithWhatItCarries(t *testing.T) {
	p, c := throughProxy(t, time.Hour)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if _, err := c.Exec(t.Context(), `SELECT 1`); err == nil {
			t.Error("a statement was answered")
		}
	})
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for p.transactions.Load() == 0 { // until the answer is being delayed
		<-tick.C
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	waiting.Wait()
}

func TestOnlyServersOfThisMachine(t *testing.T) {
	for _, dsn := range []string{"postgres://10.0.0.1/db", "postgres://db.example/db"} {
		if _, err := openDatabase(t.Context(), dsn); err == nil {
			t.Errorf("%s was connected to", dsn)
		}
	}
	if u, err := url.Parse("nats://10.0.0.1:4222"); err != nil || isLoopback(u.Hostname()) {
		t.Errorf("%s is on this machine, %v", u, err)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		if !isLoopback(host) {
			t.Errorf("%s is not on this machine", host)
		}
	}
}

package txsubmit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/examples/txsubmit"
	"github.com/specstar-worker/worker/internal/natsd"
	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// newShop opens an application and a store in one empty database.
func newShop(t *testing.T) *txsubmit.Shop {
	t.Helper()
	dsn := pgtest.Database(t)
	store, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if _, err := pool.Exec(t.Context(), `CREATE TABLE orders (number bigint PRIMARY KEY, customer text NOT NULL)`); err != nil {
		t.Fatal(err)
	}
	return &txsubmit.Shop{Pool: pool, Store: store, Namespace: "shop"}
}

// work runs a worker of the shop's store, with a queue that nobody submitted to.
func work(t *testing.T, s *txsubmit.Shop) *manager.Catalog {
	t.Helper()
	server, err := natsd.Start(t.TempDir(), natsd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	nc, err := server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	q := consumer.QueueConfig{Namespace: s.Namespace, Store: s.Store.ID(), Create: true, MaxBytes: 64 << 20}
	if err := consumer.EnsureStreams(t.Context(), js, q); err != nil {
		t.Fatal(err)
	}
	publisher, err := consumer.NewPublisher(nc, q)
	if err != nil {
		t.Fatal(err)
	}
	catalog := manager.NewCatalog(s.Store, nil, manager.Options{})
	work := &jobs.CatalogWork{Catalog: catalog}
	c, err := consumer.New(consumer.Config{JetStream: js, Queue: q, Executor: jobs.NewExecutor(jobs.Config{
		Store: s.Store.ID(), Ledger: s.Store.Ledger(), Queue: publisher.Queue(), Saver: work, Loader: work, Backfiller: work, Migrator: work,
	})})
	if err != nil {
		t.Fatal(err)
	}
	h, err := c.StartConsume(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	released := make(chan struct{})
	go func() {
		defer close(released)
		(&jobs.Reconciler{Ledger: s.Store.Ledger(), Publisher: publisher}).Release(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-released
		h.Stop()
		if err := h.Join(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return catalog
}

// TestJobsComeWithTheTransaction places orders and takes one back: what is committed is
// done once, the rest is not.
func TestJobsComeWithTheTransaction(t *testing.T) {
	shop := newShop(t)
	var articles []string
	for i := range 300 {
		articles = append(articles, fmt.Sprint("a", i))
	}
	if err := shop.Place(t.Context(), txsubmit.Order{Number: 1, Customer: "ann", Articles: articles}); err != nil {
		t.Fatal(err)
	}
	// The order exists: the transaction, with the jobs, is rolled back.
	if err := shop.Place(t.Context(), txsubmit.Order{Number: 1, Customer: "ann", Articles: []string{"never"}}); err == nil {
		t.Fatal("an order was placed twice")
	}
	// Here the jobs were written when the transaction is rolled back.
	errChanged := errors.New("the customer changed his mind")
	err := pgx.BeginFunc(t.Context(), shop.Pool, func(tx pgx.Tx) error {
		submitter := jobs.NewTxSubmitter(shop.Store.ID(), shop.Namespace, shop.Store.LedgerIn(tx))
		save := jobs.NewSave("sale", "bob", manager.Operation{Op: manager.OpCreate, ResourceID: "sale:never", Data: []byte(`{}`)})
		if _, err := submitter.Submit(t.Context(), save); err != nil {
			return err
		}
		return errChanged
	})
	if !errors.Is(err, errChanged) {
		t.Fatal(err)
	}
	// An id that is used for something else: the transaction goes on without the jobs.
	err = pgx.BeginFunc(t.Context(), shop.Pool, func(tx pgx.Tx) error {
		submitter := jobs.NewTxSubmitter(shop.Store.ID(), shop.Namespace, shop.Store.LedgerIn(tx))
		other := jobs.NewBackfill("bob")
		other.ID = "order-1-0"
		var differs *storage.JobDiffersError
		if _, err := submitter.Submit(t.Context(), jobs.NewBackfill("bob"), other); !errors.As(err, &differs) {
			t.Errorf("a used id: %v", err)
		}
		_, err := tx.Exec(t.Context(), `INSERT INTO orders (number, customer) VALUES (2, 'bob')`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	counts, err := shop.Store.Ledger().Count(t.Context())
	if err != nil || counts[storage.JobQueued] != 300 || len(counts) != 1 {
		t.Fatalf("before a worker runs: %v, %v", counts, err)
	}
	catalog := work(t, shop)
	for deadline := time.Now().Add(time.Minute); counts[storage.JobDone] != 300; time.Sleep(20 * time.Millisecond) {
		if counts, err = shop.Store.Ledger().Count(t.Context()); err != nil || time.Now().After(deadline) {
			t.Fatalf("after a minute: %v, %v", counts, err)
		}
	}
	sales, err := catalog.Open(t.Context(), "sale")
	if err != nil {
		t.Fatal(err)
	}
	stats, err := sales.Stats(t.Context())
	if err != nil || stats.Metas != 300 || stats.Revisions != 300 {
		t.Fatalf("the store holds %+v, %v", stats, err)
	}
}

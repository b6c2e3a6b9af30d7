package faulttest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
	"github.com/specstar-worker/worker/storage/s3"
)

// openBucket opens a store with its revisions in the bucket of a server.
func openBucket(t *testing.T, dsn string, server *s3test.Server, c s3.Config) (*postgres.Factory, *s3.Store) {
	t.Helper()
	store, err := s3.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return open(t, postgres.Config{DSN: dsn, Revisions: store.Revisions(s3.LayoutPostgresS3)}), store
}

// leadNowhere returns the entries of a medium that lead to nothing.
func leadNowhere(ctx context.Context, medium storage.ModelMedium) (nowhere []string, err error) {
	for e, err := range medium.All(ctx) {
		if err != nil {
			return nil, err
		}
		found, err := medium.Read(ctx, []string{e.UID})
		if err != nil {
			return nil, err
		}
		if found[0].Info == nil {
			nowhere = append(nowhere, fmt.Sprint(e))
		}
	}
	return nowhere, nil
}

// TestKilledBetweenBucketAndDatabase kills a worker at every step of a unit of work
// and repeats its messages: each job has its effect once, and no entry of the bucket
// ever leads to nothing. Services without conditional writes are no exception.
func TestKilledBetweenBucketAndDatabase(t *testing.T) {
	t.Parallel()
	for _, lacks := range []s3test.Lacks{{}, {Conditions: true}} {
		for _, at := range []death{beforeCommit, beforePut, inPut, afterPut, beforeClaim, inClaim, afterClaim, beforeAck} {
			t.Run(fmt.Sprintf("%s, %+v", at, lacks), func(t *testing.T) {
				server := s3test.Start(t)
				server.Lack(lacks)
				server.Bucket(bucket)
				dsn := pgtest.Database(t)
				f, store := openBucket(t, dsn, server, bucketOf(server.Endpoint))
				r := role{Name: "serve", DSN: dsn, Resources: 20, Goroutines: 4, S3: server.Endpoint}
				first, second := order{}, order{Die: at}
				all := map[uuid.UUID]bool{}
				for n := range 10 {
					first.Messages = append(first.Messages, message{n, 1})
				}
				for n := range 20 { // creates and updates
					second.Messages = append(second.Messages, message{20 + n, 1})
				}
				for _, m := range append(first.Messages, second.Messages...) {
					all[m.jobID()] = true
				}
				w := start(t, r)
				w.do(t, first)
				if w.tell(t, second); w.lines.Scan() {
					t.Fatalf("the worker did not die: %s", w.lines.Text())
				}
				_ = w.cmd.Wait()
				medium := store.Revisions(s3.LayoutPostgresS3).Model(model)
				if nowhere, err := leadNowhere(t.Context(), medium); err != nil || len(nowhere) > 0 {
					t.Errorf("after the kill these lead to nothing: %v (%v)", nowhere, err)
				}
				second.Die = never
				for i := range second.Messages {
					second.Messages[i].Number++
				}
				w = start(t, r)
				w.do(t, second)
				_ = w.in.Close()
				if err := w.cmd.Wait(); err != nil {
					t.Errorf("%v: %s", err, w.said.String())
				}
				if nowhere, err := leadNowhere(t.Context(), medium); err != nil || len(nowhere) > 0 {
					t.Errorf("in the end these lead to nothing: %v (%v)", nowhere, err)
				}
				h, err := readHistory(t.Context(), f)
				if err == nil {
					err = h.check(t.Context(), f, all)
				}
				if err != nil || len(h.Effects) != len(all) {
					t.Errorf("%d jobs, %d have effects: %v", len(all), len(h.Effects), err)
				}
			})
		}
	}
}

// tell gives a worker an order.
func (w *worker) tell(t *testing.T, o order) {
	t.Helper()
	told, err := json.Marshal(o)
	if err == nil {
		_, err = w.in.Write(append(told, '\n'))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// do gives a worker an order and waits until all of it is done.
func (w *worker) do(t *testing.T, o order) {
	t.Helper()
	w.tell(t, o)
	var actions []string
	if !w.lines.Scan() {
		t.Fatalf("the worker died: %v: %s", w.cmd.Wait(), w.said.String())
	}
	if err := json.Unmarshal(w.lines.Bytes(), &actions); err != nil {
		t.Fatal(err)
	}
	for i, a := range actions {
		if a != "ack" {
			t.Errorf("message %d is to be %s: %s", i, a, w.said.String())
		}
	}
}

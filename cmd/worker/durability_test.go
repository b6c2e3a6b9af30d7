package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/internal/natsd"
)

// TestSavesInTheLedgerSurviveTheQueuesDisk removes the queue's directory between the
// submission of saves and the worker: those that are in the ledger are done, packed or
// not; of the others nothing is known any more.
func TestSavesInTheLedgerSurviveTheQueuesDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	store := "sqlite:" + dir
	lines := strings.Repeat(`{"op":"create","data":{"v":1}}`+"\n", 20)
	submit := func(model string, flags ...string) (ids []string) {
		t.Helper()
		var got struct {
			JobIDs []string `json:"job_ids"`
		}
		args := append([]string{"submit", "save", model, "--from", "-", "--store", store, "-o", "json"}, flags...)
		cliIn(t, lines, args...).into(t, &got)
		return got.JobIDs
	}
	kept := append(submit("packed", "--durability", "ledger"), submit("single", "--durability", "ledger", "--batch", "1")...)
	lost := submit("lost", "--durability", "queue")
	if len(kept) != 21 || len(lost) != 1 {
		t.Fatalf("%d and %d jobs", len(kept), len(lost))
	}
	for _, id := range kept {
		if s := state(t, store, id); s != "queued" {
			t.Fatalf("job %s is %s before the worker runs", id, s)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, ".worker", "nats")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the saves to be done", func() bool {
		cli(t, "backfill", "--store", store, "-q").ok(t)
		for _, id := range kept {
			if state(t, store, id) != "done" {
				return false
			}
		}
		return true
	})
	for _, model := range []string{"packed", "single"} {
		var count struct{ Count int }
		cli(t, "count", model, "--store", store, "-o", "json").into(t, &count)
		if count.Count != 20 {
			t.Errorf("%d resources of model %s", count.Count, model)
		}
	}
	if r := cli(t, "jobs", "show", lost[0], "--store", store, "-o", "json"); r.refusal(t).Code != codeNotFound {
		t.Errorf("a save that only the queue had: %+v", r)
	}
}

// TestAFullQueueIsBusy: submit says so and when to come again; save waits until there
// is room.
func TestAFullQueueIsBusy(t *testing.T) {
	server, err := natsd.Start(t.TempDir(), natsd.Options{Listen: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	at := []string{"--store", store, "--nats", "nats://" + server.Token() + "@" + strings.TrimPrefix(server.URL(), "nats://"), "--strict-models=false"}
	line := `{"op":"create","data":{}}` + "\n"
	submit := func(n int) result {
		args := append([]string{"submit", "save", "note", "--from", "-", "--batch", "1", "-o", "json"}, at...)
		return cliIn(t, strings.Repeat(line, n), args...)
	}
	submit(1).ok(t)
	limit(t, server, 2)
	r := submit(2)
	if f := r.refusal(t); r.code != exitUnavailable || f.Code != codeBusy || f.RetryAfter <= 0 {
		t.Fatalf("submit to a full queue = %d %+v", r.code, f)
	}
	var sum saveResult
	r = cliIn(t, strings.Repeat(line, 5), append([]string{"save", "note", "--from", "-", "--batch", "1", "-o", "json"}, at...)...)
	r.into(t, &sum)
	if r.code != exitOK || sum.Done != 5 || !strings.Contains(r.stderr, "waiting for room") {
		t.Fatalf("save = %d %+v\n%s", r.code, sum, r.stderr)
	}
}

// limit bounds the messages of the one stream of jobs.
func limit(t *testing.T, server *natsd.Server, messages int64) {
	t.Helper()
	nc, err := nats.Connect(server.URL(), nats.Token(server.Token()))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), "SPECSTAR_default_JOBS")
	if err != nil {
		t.Fatal(err)
	}
	c := s.CachedInfo().Config
	c.MaxMsgs = messages
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

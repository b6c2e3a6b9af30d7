package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// TestOptionsOnRemoteStores submits for later, uniquely and what is too long for the
// queue, and runs a worker.
func TestOptionsOnRemoteStores(t *testing.T) {
	for _, layout := range []string{"postgres", "postgres disk s3"} {
		t.Run(layout, func(t *testing.T) {
			r := newRemote(t, layout)
			if r.service != nil {
				r.service.Bucket("bucket")
			}
			line := fmt.Sprintf(`{"op":"create","resource_id":"a","data":{"text":%q}}`, strings.Repeat("x", 1<<20))
			args := append([]string{"submit", "save", "note", "--from", "-", "--delay", "2s"}, r.flags...)
			large := strings.TrimSpace(cliIn(t, line, args...).ok(t))
			at := time.Now().Add(2 * time.Second)
			first := strings.TrimSpace(r.run(t, "submit", "backfill", "--unique", "--delay", "10h").ok(t))
			if f := r.run(t, "submit", "backfill", "--unique", "-o", "json").refusal(t); f.Code != jobs.CodeExists || f.JobID != first {
				t.Fatalf("%+v", f)
			}
			show := func(id string) (v jobs.View) {
				t.Helper()
				if err := json.Unmarshal([]byte(r.run(t, "jobs", "show", id, "-o", "json").ok(t)), &v); err != nil {
					t.Fatal(err)
				}
				return v
			}
			p := start(t, nil, append([]string{"run", "--listen", "off"}, r.flags...)...)
			eventually(t, "the save is done", func() bool { return show(large).State == storage.JobDone })
			p.kill()
			if v := show(large); v.Started.Before(at.Add(-3 * time.Second)) {
				t.Fatalf("%+v", v)
			}
			if v := show(first); v.State != storage.JobQueued || v.NotBefore.IsZero() {
				t.Fatalf("%+v", v)
			}
			if got := r.run(t, "get", "note", "a", "-o", "json").ok(t); len(got) < 1<<20 {
				t.Fatalf("it has %d bytes", len(got))
			}
		})
	}
}

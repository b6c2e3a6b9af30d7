package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// listed returns the jobs of a store.
func listed(t *testing.T, store string, args ...string) []jobs.View {
	t.Helper()
	var rows []jobs.View
	all := append([]string{"jobs", "list", "--store", store, "-o", "json"}, args...)
	if err := json.Unmarshal([]byte(cli(t, all...).ok(t)), &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestSubmitForLater(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	at := time.Now().Add(4 * time.Second)
	cli(t, "submit", "backfill", "--store", store, "--at", at.Format(time.RFC3339Nano), "--lane", "high", "--expires", "1h").ok(t)
	cli(t, "submit", "backfill", "--store", store, "--delay", "10h", "--attempts", "2", "--timeout", "90s").ok(t)
	rows := listed(t, store)
	if len(rows) != 2 || rows[1].Lane != "high" || rows[1].NotBefore.Sub(at).Abs() > time.Millisecond || rows[0].NotBefore.Before(at) {
		t.Fatalf("%+v", rows)
	}
	if table := cli(t, "jobs", "list", "--store", store).ok(t); !strings.Contains(table, "from "+stamp(at)) {
		t.Fatalf("the list does not say when: %s", table)
	}
	p := start(t, nil, "run", "--store", store, "--listen", "off")
	eventually(t, "the job of that time is done", func() bool { return listed(t, store)[1].State == storage.JobDone })
	p.kill()
	rows = listed(t, store)
	if rows[1].Started.Before(at.Add(-time.Second)) || rows[0].State != storage.JobQueued || rows[0].NotBefore.IsZero() {
		t.Fatalf("%+v", rows)
	}
}

func TestSubmitUnique(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	first := strings.TrimSpace(cli(t, "submit", "backfill", "a", "--store", store, "--unique").ok(t))
	if r := cli(t, "submit", "backfill", "a", "--store", store, "--unique", "-o", "json").refusal(t); r.Code != jobs.CodeExists || r.JobID != first {
		t.Fatalf("%+v, want it to name %s", r, first)
	}
	cli(t, "submit", "backfill", "b", "--store", store, "--unique").ok(t)
	keyed := strings.TrimSpace(cli(t, "submit", "backfill", "--store", store, "--unique-key", "k").ok(t))
	if r := cli(t, "submit", "migrate", "m", "--store", store, "--unique-key", "k", "-o", "json").refusal(t); r.Code != jobs.CodeExists || r.JobID != keyed {
		t.Fatalf("%+v", r)
	}
	cli(t, "jobs", "cancel", keyed, "--store", store).ok(t)
	cli(t, "submit", "migrate", "m", "--store", store, "--unique-key", "k").ok(t)
	if r := cli(t, "jobs", "retry", keyed, "--store", store, "-o", "json").refusal(t); r.Code != jobs.CodeExists {
		t.Fatalf("retry: %+v", r)
	}
	load := strings.TrimSpace(cli(t, "submit", "load", "testdata/small.acbak", "--store", store).ok(t))
	if r := cli(t, "submit", "load", "testdata/small.acbak", "--store", store, "--unique", "-o", "json").refusal(t); r.Code != jobs.CodeExists || r.JobID != load {
		t.Fatalf("%+v", r)
	}
	if again := strings.TrimSpace(cli(t, "submit", "load", "testdata/small.acbak", "--store", store).ok(t)); again != load {
		t.Fatalf("the load %s is continued as %s", load, again)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	for _, args := range []string{
		"--delay -1s", "--delay 1s --at 2030-01-01T00:00:00Z", "--at tomorrow", "--expires -1h", "--expires 2020-01-01T00:00:00Z",
		"--timeout 1000h", "--attempts -1", "--attempts 5000", "--lane fast", "--unique --unique-key k",
	} {
		all := append([]string{"submit", "backfill", "--store", store, "-o", "json"}, strings.Fields(args)...)
		if r := cli(t, all...); r.refusal(t).Code != codeUsage || r.code != exitUsage {
			t.Errorf("%s: exit code %d", args, r.code)
		}
	}
}

func TestSaveOfAllLinesOrNone(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	good := `{"op":"create","resource_id":"a","data":{}}` + "\n" + `{"op":"create","resource_id":"b","data":{}}` + "\n"
	save := func(lines string) (r saveResult, code int) {
		out := cliIn(t, lines, "save", "note", "--from", "-", "--on-error", "fail", "--store", store, "-o", "json")
		if err := json.Unmarshal([]byte(out.stdout), &r); err != nil {
			t.Fatalf("%v: %+v", err, out)
		}
		return r, out.code
	}
	if r, code := save(good + `{"op":"update","resource_id":"none","data":{}}`); r.Refused != 3 || r.Done != 0 || code != exitPartly {
		t.Fatalf("%d %+v", code, r)
	}
	if r, code := save(good + `what?`); r.Refused != 3 || r.Errors[0].Code != "not_done" || r.Errors[2].Code != "invalid" || code != exitPartly {
		t.Fatalf("%d %+v", code, r)
	}
	if got := cli(t, "count", "note", "--store", store, "-o", "json").ok(t); !strings.Contains(got, `"count": 0`) && !strings.Contains(got, `"count":0`) {
		t.Fatalf("there are %s", got)
	}
	if r, code := save(good); r.Done != 2 || code != exitOK {
		t.Fatalf("%d %+v", code, r)
	}
	if n := len(listed(t, store, "--kind", "save", "--state", "done")); n != 1 {
		t.Fatalf("%d jobs", n)
	}
}

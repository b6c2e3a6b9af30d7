package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// deadStore makes a store with n dead saves of model person, whose messages would be
// done, and returns what --store says of it.
func deadStore(t *testing.T, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	var rows []storage.Job
	for i := range n {
		at := time.Now().Add(-time.Duration(i) * time.Minute).Truncate(time.Microsecond)
		text := fmt.Sprintf("dead-%05d", i)
		rows = append(rows, storage.Job{
			ID: jobs.ID(f.ID(), text), Text: text, Kind: "save", Model: "person", Lane: "normal", State: storage.JobDead, Attempt: 5,
			Subject:  jobs.Subject(strings.ReplaceAll(f.ID().String(), "-", ""), jobs.LaneNormal, jobs.KindSave),
			Envelope: fmt.Appendf(nil, `{"schema":1,"kind":"save","model":"person","args":{"op":"create","resource_id":"p%d","data":{"note":"\u001b[2Jé"}}}`, i),
			Outcome:  []byte(`{"class":"poison","sqlstate":"22003","offset":17,"worker":"v1"}`), ErrorCode: "sqlstate_22003", ErrorMessage: "no room\x1b[2J", Created: at, Finished: at,
		})
	}
	if err := f.Ledger().Settle(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + dir
}

func TestDeadJobIsShownSafely(t *testing.T) {
	store := deadStore(t, 1)
	var v shownJob
	cli(t, "jobs", "show", "dead-00000", "--store", store, "-o", "json").into(t, &v)
	if v.Death == nil || v.Death.Class != "poison" || v.Death.SQLState != "22003" || *v.Death.Offset != 17 || v.Death.Worker != "v1" || v.Lives != 1 ||
		!strings.HasSuffix(v.Death.Stream, "_DEAD") || !strings.Contains(v.Death.Letter, ".dead.save.") || !strings.Contains(v.Payload.Text, "p0") {
		t.Fatalf("%+v %+v", v, v.Death)
	}
	r := cli(t, "jobs", "show", "dead-00000", "--store", store, "--payload", "40")
	r.ok(t)
	if strings.Contains(r.stdout, "\x1b") || !strings.Contains(r.stdout, "of which this is the beginning") || !strings.Contains(r.stdout, `no room\u001b[2J`) || strings.Contains(r.stdout, "resource_id") {
		t.Fatalf("shown:\n%q", r.stdout)
	}
}

func TestPayloadsAreCutBetweenCharacters(t *testing.T) {
	for _, tc := range []struct {
		envelope string
		most     int
		text     string
	}{{"aéb", 2, "a"}, {"aéb", 3, "aé"}, {"aéb", 9, "aéb"}, {"aéb", 0, ""}} {
		if p := payloadOf([]byte(tc.envelope), tc.most); p.Text != tc.text || p.Base64 != "" || p.Truncated != (tc.most < 4) {
			t.Errorf("%q at %d: %+v", tc.envelope, tc.most, p)
		}
	}
	if p := payloadOf([]byte("\xff\x00"), 9); p.Text != "" || p.Base64 != "/wA=" {
		t.Errorf("bytes: %+v", p)
	}
}

// TestManyDeadJobs: any number, in pages, with what refuses listed.
func TestManyDeadJobs(t *testing.T) {
	n := bulkPage + 7
	store := deadStore(t, n)
	var list []jobs.View
	cli(t, "jobs", "list", "--store", store, "--state", "dead", "--code", "sqlstate_22003", "--since", "90s", "-o", "json").into(t, &list)
	if len(list) != 2 {
		t.Fatalf("%d jobs died within 90 s", len(list))
	}
	cli(t, "jobs", "list", "--store", store, "--after", "dead-00003", "--limit", "2", "-o", "json").into(t, &list)
	if len(list) != 2 || list[0].JobID != "dead-00004" || list[1].JobID != "dead-00005" {
		t.Fatalf("after the fourth job: %+v", list)
	}
	cli(t, "jobs", "retry", "--all", "--dry-run", "--store", store, "-o", "json").into(t, &list)
	if len(list) != n {
		t.Fatalf("a dry run lists %d jobs", len(list))
	}
	var some []refusedJob
	cli(t, "jobs", "drop", "dead-00000", "dead-00001", "--store", store, "-o", "json").into(t, &some)
	cli(t, "jobs", "drop", "--all", "--state", "dead", "--limit", "3", "--store", store, "-o", "json").into(t, &list)
	if len(some) != 2 || len(list) != 3 || list[0].JobID != "dead-00002" {
		t.Fatalf("dropped %+v, %+v", some, list)
	}
	cli(t, "jobs", "cancel", "dead-00009", "--store", store, "-o", "json").refusal(t)
	r := cli(t, "jobs", "retry", "--all", "--state", "dead", "--store", store, "-o", "json")
	r.into(t, &list)
	if len(list) != n-5 || list[0].State != storage.JobQueued || !strings.Contains(r.stderr, "retry: done") {
		t.Fatalf("%d jobs were retried: %s", len(list), r.stderr)
	}
	r = cli(t, "jobs", "retry", "dead-00005", "dead-00006", "--store", store, "-o", "json")
	if r.code != exitError {
		t.Fatalf("retry of queued jobs: %d", r.code)
	}
	var trail []auditView
	cli(t, "jobs", "audit", "--store", store, "-o", "json").into(t, &trail)
	if len(trail) != 2+3+1+n-5+2 || trail[0].Verb != "retry" || trail[0].Code != "not_ended" || trail[0].By == "" || !strings.HasPrefix(trail[0].Via, "worker jobs retry, ") {
		t.Fatalf("%d entries, %+v", len(trail), trail[0])
	}
	cli(t, "jobs", "audit", "--job", "dead-00000", "--store", store, "-o", "json").into(t, &trail)
	if len(trail) != 1 || trail[0].Verb != "drop" || trail[0].Is != "" || trail[0].Error != "sqlstate_22003" {
		t.Fatalf("of a dropped job: %+v", trail)
	}
	var v shownJob
	cli(t, "jobs", "show", "dead-00005", "--store", store, "-o", "json").into(t, &v)
	if v.Lives != 2 || len(v.Audit) != 2 || v.Death != nil || v.State != storage.JobQueued {
		t.Fatalf("%+v", v)
	}
}

func TestAnAnswerIsAsked(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "YES\n": true, "\n": false, "n\n": false, "": false} {
		var asked strings.Builder
		r := bulkRun{bulk: &bulk{verb: storage.VerbDrop}, app: &app{stdin: strings.NewReader(answer), stderr: &asked}, total: 12}
		if err := r.ask(); (err == nil) != want || asked.String() != "drop 12 jobs? [y/N] " {
			t.Errorf("%q: %v after %q", answer, err, asked.String())
		}
	}
}

func TestFiltersOfJobs(t *testing.T) {
	store := deadStore(t, 1)
	for _, args := range [][]string{
		{"list", "--since", "yesterday"},
		{"list", "--parent", "x"},
		{"list", "--kind", "x"},
		{"list", "--after", "x"},
		{"retry", "--all", "--after", "x"},
		{"audit", "--verb", "dance"},
		{"audit", "--limit", "-1"},
		{"audit", "--until", "x"},
		{"show", "x", "--payload", "-1"},
		{"retry"},
		{"retry", "x", "--all"},
	} {
		if r := cli(t, append(append([]string{"jobs"}, args...), "--store", store)...); r.code != exitUsage {
			t.Errorf("%v: exit code %d: %s", args, r.code, r.stderr)
		}
	}
}

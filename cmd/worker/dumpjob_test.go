package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
)

// submitted submits a job and returns its id.
func submitted(t *testing.T, store string, args ...string) string {
	t.Helper()
	return strings.TrimSpace(cli(t, append(append([]string{"submit"}, args...), "-o", "ids", "--store", store)...).ok(t))
}

// ended waits for the end of a job and returns its state and its outcome.
func ended(t *testing.T, store, job string, outcome any) string {
	t.Helper()
	var v struct {
		State   string
		Outcome json.RawMessage
	}
	eventually(t, "job "+job+" to end", func() bool {
		cli(t, "jobs", "show", job, "-o", "json", "--store", store).into(t, &v)
		return v.State != "queued" && v.State != "running"
	})
	if len(v.Outcome) > 0 {
		if err := json.Unmarshal(v.Outcome, outcome); err != nil {
			t.Fatal(err)
		}
	}
	return v.State
}

// TestDumpsAndVerificationsAreJobs: a worker writes what worker dump writes, wherever it
// is told to, and finds what worker verify finds.
func TestDumpsAndVerificationsAreJobs(t *testing.T) {
	s3 := startS3(t)
	s3.Bucket("dumps")
	suffix := "?path_style=true&region=" + s3test.Region + "&endpoint=" + url.QueryEscape(s3.Endpoint)
	dir, targets := t.TempDir(), t.TempDir()
	store := "sqlite:" + dir
	cli(t, "load", small, "--store", store).ok(t)
	want := dumpOf(t, store)
	startRun(t, dir, "--targets", targets+",s3://dumps/nightly"+suffix)

	var out jobs.DumpOutcome
	id := submitted(t, store, "dump")
	if state := ended(t, store, id, &out); state != "done" || out.Target != jobs.TargetDownload {
		t.Fatalf("%s %+v", state, out)
	}
	fetched := filepath.Join(t.TempDir(), "fetched.acbak")
	cli(t, "jobs", "fetch", id, "--out", fetched, "--store", store).ok(t)
	if got, err := os.ReadFile(fetched); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes were fetched, %v", len(got), err)
	}
	if got := cli(t, "jobs", "fetch", id, "--out", "-", "-q", "--store", store).ok(t); got != string(want) {
		t.Errorf("%d bytes were fetched to standard output", len(got))
	}

	file := filepath.Join(targets, "a.acbak")
	id = submitted(t, store, "dump", "--to", "file:"+file, "--model", "person", "--where", "data.age > 30")
	if state := ended(t, store, id, &out); state != "done" {
		t.Fatal(state)
	}
	part := filepath.Join(t.TempDir(), "part.acbak")
	cli(t, "dump", "--out", part, "--model", "person", "--where", "data.age > 30", "--store", store).ok(t)
	same(t, file, part)
	r := cli(t, "jobs", "fetch", id, "--out", "-", "-o", "json", "--store", store)
	if f := r.refusal(t); r.code != exitError || f.Code != "elsewhere" {
		t.Errorf("fetch of what is elsewhere = %d %+v", r.code, f)
	}

	id = submitted(t, store, "dump", "--to", "s3://dumps/nightly/a.acbak"+suffix)
	if state := ended(t, store, id, &out); state != "done" || out.Target != "s3://dumps/nightly/a.acbak" || !bytes.Equal(s3.Get("dumps", "nightly/a.acbak"), want) {
		t.Errorf("%s %+v", state, out)
	}
	for _, target := range []string{"s3://dumps/other/a.acbak" + suffix, "s3://elsewhere/a.acbak" + suffix, "file:" + filepath.Join(t.TempDir(), "a")} {
		if state := ended(t, store, submitted(t, store, "dump", "--to", target), &out); state != "refused" {
			t.Errorf("%s: %s", target, state)
		}
	}

	var got, findings manager.Findings
	if state := ended(t, store, submitted(t, store, "verify"), &got); state != "done" {
		t.Fatal(state)
	}
	cli(t, "verify", "-o", "json", "--store", store).into(t, &findings)
	if got.OK != findings.OK || got.Count != findings.Count || len(got.Notes) != len(findings.Notes) {
		t.Errorf("the job finds %+v, the command %+v", got, findings)
	}
	for _, bad := range [][]string{{"dump", "--to", "ftp://x"}, {"dump", "--where", "data.age > 30"}} {
		if r := cli(t, append([]string{"submit", "--store", store}, bad...)...); r.code != exitUsage {
			t.Errorf("%q = %d", bad, r.code)
		}
	}
}

// TestADroppedDumpTakesItsArchiveAlong: what is beside the queue goes with the job.
func TestADroppedDumpTakesItsArchiveAlong(t *testing.T) {
	address, js := queueServer(t)
	dir := t.TempDir()
	at := []string{"--nats", address, "--store", "sqlite:" + dir}
	cli(t, append([]string{"load", small, "--strict-models=false"}, at...)...).ok(t)
	startRun(t, dir, "--nats", address)
	id := strings.TrimSpace(cli(t, append([]string{"submit", "dump", "-o", "ids"}, at...)...).ok(t))
	var out jobs.DumpOutcome
	if state := ended(t, "sqlite:"+dir, id, &out); state != "done" {
		t.Fatal(state)
	}
	left := func() uint64 {
		t.Helper()
		s, err := js.Stream(t.Context(), "OBJ_SPECSTAR_default_DUMPS")
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().State.Msgs
	}
	if left() == 0 {
		t.Fatal("nothing is beside the queue")
	}
	cli(t, append([]string{"jobs", "drop", id}, at...)...).ok(t)
	if n := left(); n != 0 {
		t.Errorf("%d messages are left", n)
	}
}

// TestADumpJobSurvivesKills: its worker is killed in the middle, again and again; then
// the archive is whole, and nothing else is left.
func TestADumpJobSurvivesKills(t *testing.T) {
	dir, targets := t.TempDir(), t.TempDir()
	store, file := "sqlite:"+dir, filepath.Join(targets, "a.acbak")
	cli(t, "load", writeArchive(t, 6000), "--store", store).ok(t)
	want := dumpOf(t, store)
	if err := os.WriteFile(file, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	id := submitted(t, store, "dump", "--to", "file:"+file)
	killed := 0
	for range 3 {
		p := startRun(t, dir, "--targets", targets)
		eventually(t, "the dump to begin", func() bool {
			entries, err := os.ReadDir(targets)
			return err != nil || len(entries) > 1 || state(t, store, id) == "done"
		})
		time.Sleep(time.Duration(rand.N(30)) * time.Millisecond) // somewhere in its middle
		p.kill()
		b, err := os.ReadFile(file)
		if err != nil || string(b) != "before" && !bytes.Equal(b, want) {
			t.Fatalf("after a kill the file has %d bytes, %v", len(b), err)
		}
		if string(b) == "before" {
			killed++
		}
	}
	startRun(t, dir, "--targets", targets)
	var out jobs.DumpOutcome
	if state := ended(t, store, id, &out); state != "done" {
		t.Fatalf("%s after %d kills in the middle", state, killed)
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if entries, err := os.ReadDir(targets); err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v, %v", entries, err)
	}
}

func same(t *testing.T, got, want string) {
	t.Helper()
	a, errA := os.ReadFile(got)
	b, errB := os.ReadFile(want)
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("%s has %d bytes, %s %d; %v, %v", got, len(a), want, len(b), errA, errB)
	}
}

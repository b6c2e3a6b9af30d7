package main

import (
	"strings"
	"syscall"
	"testing"
)

// TestJobsAreHandedBackAfterTheGrace: a load takes longer than the worker may, which says
// so and loses nothing.
func TestJobsAreHandedBackAfterTheGrace(t *testing.T) {
	dir := t.TempDir()
	store := "sqlite:" + dir
	const loaded = 40_000 // takes longer than a signal
	job := strings.TrimSpace(cli(t, "submit", "load", writeArchive(t, loaded), "--store", store, "-q").ok(t))
	p := startRun(t, dir, "--grace", "1ms")
	eventually(t, "the load to run", func() bool { return state(t, store, job) == "running" })
	p.signal(syscall.SIGTERM)
	told := "the grace of 1ms was over before all jobs had finished; they continue in the next worker: load " + job
	if r := p.wait(); r.code != exitError || !strings.Contains(r.stderr, told) {
		t.Fatalf("after SIGTERM: %+v", r)
	}
	startRun(t, dir)
	eventually(t, "the load to be done", func() bool { return state(t, store, job) == "done" })
	if n := resources(t, store); n != loaded {
		t.Fatalf("%d resources", n)
	}
}

// TestADrainInTimeIsNoError: what runs is finished, and the exit code is 0.
func TestADrainInTimeIsNoError(t *testing.T) {
	dir := t.TempDir()
	store := "sqlite:" + dir
	job := strings.TrimSpace(cli(t, "submit", "load", writeArchive(t, 40_000), "--store", store, "-q").ok(t))
	p := startRun(t, dir, "--grace", "10m", "--divide-above", "1000000")
	eventually(t, "the load to run", func() bool { return state(t, store, job) == "running" })
	p.signal(syscall.SIGTERM)
	if r := p.wait(); r.code != exitOK {
		t.Fatalf("after SIGTERM: %+v", r)
	}
	if s := state(t, store, job); s != "done" {
		t.Fatalf("the load is %s", s)
	}
}

func TestJobsThatWereHandedBackAreNamed(t *testing.T) {
	for want, names := range map[string][]string{
		"": nil, ": load a, save b": {"load a", "save b"}, ": a, b, c and 2 more": {"a", "b", "c", "d", "e"},
	} {
		if got := handedBack(names); got != want {
			t.Errorf("%q instead of %q", got, want)
		}
	}
}

// TestASecondSignalCutsTheGraceShort: who cannot wait for the grace learns that jobs
// were cut short, and loses none.
func TestASecondSignalCutsTheGraceShort(t *testing.T) {
	dir := t.TempDir()
	store := "sqlite:" + dir
	const loaded = 40_000 // takes longer than two signals
	job := strings.TrimSpace(cli(t, "submit", "load", writeArchive(t, loaded), "--store", store, "-q").ok(t))
	p := startRun(t, dir, "--grace", "10m", "--divide-above", "1000000")
	eventually(t, "the load to run", func() bool { return state(t, store, job) == "running" })
	p.signal(syscall.SIGTERM)
	eventually(t, "the worker to drain", func() bool { return strings.Contains(p.log(), `"draining"`) })
	p.signal(syscall.SIGTERM)
	if r := p.wait(); r.code != exitError || !strings.Contains(r.stderr, "a second signal came before all jobs had finished; they continue in the next worker: load "+job) {
		t.Fatalf("after a second SIGTERM: %+v", r)
	}
	if s := state(t, store, job); s == "done" {
		t.Fatal("the load was done: nothing was cut short")
	}
	startRun(t, dir)
	eventually(t, "the load to be done", func() bool { return state(t, store, job) == "done" })
	if n := resources(t, store); n != loaded {
		t.Fatalf("%d resources", n)
	}
}

func TestGraceIsPositive(t *testing.T) {
	if r := cli(t, "run", "--store", "memory:", "--grace", "0s"); r.code != exitUsage || !strings.Contains(r.stderr, "--grace") {
		t.Fatalf("%+v", r)
	}
}

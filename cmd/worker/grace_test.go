package main

import (
	"strings"
	"syscall"
	"testing"
)

// TestJobsAreHandedBackAfterTheGrace: a load takes longer than the worker may.
func TestJobsAreHandedBackAfterTheGrace(t *testing.T) {
	dir := t.TempDir()
	store := "sqlite:" + dir
	job := strings.TrimSpace(cli(t, "submit", "load", writeArchive(t, 10_500), "--store", store, "-q").ok(t))
	p := startRun(t, dir, "--grace", "1ms")
	eventually(t, "the load to run", func() bool { return state(t, store, job) == "running" })
	p.signal(syscall.SIGTERM)
	if r := p.wait(); r.code != exitOK {
		t.Fatalf("after SIGTERM: %+v", r)
	}
	startRun(t, dir)
	eventually(t, "the load to be done", func() bool { return state(t, store, job) == "done" })
	if n := resources(t, store); n != 10_500 {
		t.Fatalf("%d resources", n)
	}
}

func TestGraceIsPositive(t *testing.T) {
	if r := cli(t, "run", "--store", "memory:", "--grace", "0s"); r.code != exitUsage || !strings.Contains(r.stderr, "--grace") {
		t.Fatalf("%+v", r)
	}
}

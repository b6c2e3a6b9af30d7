package main

import (
	"strings"
	"syscall"
	"testing"
)

// TestAWorkerTakesWhatItIsTold: a queue is shared out among workers by kind.
func TestAWorkerTakesWhatItIsTold(t *testing.T) {
	address, _ := queueServer(t)
	dir := t.TempDir()
	at := []string{"--nats", address, "--store", "sqlite:" + dir, "--strict-models=false"}
	p := startRun(t, dir, "--nats", address, "--strict-models=false", "--kinds", "load")
	load := strings.TrimSpace(cli(t, append([]string{"submit", "load", small, "-o", "ids"}, at...)...).ok(t))
	save := strings.TrimSpace(cliIn(t, `{"op":"create","resource_id":"note:1","data":{}}`, append([]string{"submit", "save", "note", "--from", "-", "-o", "ids"}, at...)...).ok(t))
	eventually(t, "the load to be done", func() bool { return state(t, "sqlite:"+dir, load) == "done" })
	end := func(p *process) {
		t.Helper()
		p.signal(syscall.SIGTERM)
		if r := p.wait(); r.code != exitOK {
			t.Fatalf("%d: %s", r.code, r.stderr)
		}
	}
	end(p)
	if r := cli(t, "jobs", "show", save, "-o", "json", "--store", "sqlite:"+dir); strings.Contains(r.stdout, `"done"`) {
		t.Errorf("the save was done: %s", r.stdout)
	}
	p = startRun(t, dir, "--nats", address, "--strict-models=false", "--lanes", "normal", "--kinds", "save,backfill")
	eventually(t, "the save to be done", func() bool {
		r := cli(t, "jobs", "show", save, "-o", "json", "--store", "sqlite:"+dir)
		return strings.Contains(r.stdout, `"done"`)
	})
	end(p)
	for want, args := range map[string][]string{
		"--lanes": {"--nats", address, "--lanes", "slow"}, "--kinds": {"--nats", address, "--kinds", "load,fly"}, "--nats": {"--kinds", "load"},
	} {
		r := cli(t, append([]string{"run", "--store", "sqlite:" + t.TempDir()}, args...)...)
		if r.code != exitUsage || !strings.Contains(r.stderr, want) {
			t.Errorf("%v: %d %s", args, r.code, r.stderr)
		}
	}
}

package pypeer_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/pypeer"
)

func TestRandomAppsRepeatAndSurviveTheOriginalsOwnArchive(t *testing.T) {
	p := pypeer.Start(t)
	c := pypeer.Config{Models: pypeer.Random, Seed: 3}
	first, second := p.MustNew(t, c), p.MustNew(t, c)
	for _, a := range []*pypeer.App{first, second} {
		ran, err := a.Run(11, 200)
		if err != nil {
			t.Fatal(err)
		}
		if ran.Done["create"] < 20 || ran.Done["update"] < 20 || ran.Done["switch"] < 5 {
			t.Fatalf("too little was done: %+v", ran)
		}
	}
	want := first.MustState(t)
	if d := want.Diff(second.MustState(t)); d != "" {
		t.Fatalf("equal seeds gave different apps:\n%s", d)
	}

	path := filepath.Join(t.TempDir(), "a.acbak")
	if err := first.Dump(path); err != nil {
		t.Fatal(err)
	}
	third := p.MustNew(t, c)
	if _, err := third.Load(path, "raise_error"); err != nil {
		t.Fatal(err)
	}
	if d := want.Diff(third.MustState(t)); d != "" {
		t.Fatalf("its archive changed its state:\n%s", d)
	}
}

func TestAnExceptionIsAnErrorAndThePeerLivesOn(t *testing.T) {
	p := pypeer.Start(t)
	a := p.MustNew(t, pypeer.Config{Models: pypeer.Item})
	_, err := a.Load(filepath.Join(t.TempDir(), "none"), "skip")
	if err == nil || !strings.Contains(err.Error(), "FileNotFoundError") {
		t.Fatalf("Load of a missing file gave %v", err)
	}
	// What the process writes to its standard error comes by a way of its own.
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(p.Errors(), "Traceback"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no traceback in %q", p.Errors())
		}
	}
	if s := a.MustState(t); len(s) != 0 {
		t.Fatalf("a fresh app holds %v", s)
	}
}

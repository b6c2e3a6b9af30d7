package main

import (
	"path/filepath"
	"testing"
)

// TestLimitsAreSettings: how many jobs may wait, and how long whoever comes then does.
func TestLimitsAreSettings(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	model := "m"
	submit := func(limit ...string) result {
		model += "m" // of the same one a second job is refused
		return cli(t, append([]string{"submit", "backfill", model, "--store", store, "-o", "json"}, limit...)...)
	}
	submit("--max-unfinished", "1").ok(t)
	r := submit("--max-unfinished", "1", "--busy-wait", "1m30s")
	if f := r.refusal(t); r.code != exitUnavailable || f.Code != codeBusy || f.RetryAfter != 90 {
		t.Fatalf("exit code %d: %+v", r.code, f)
	}
	if f := submit("--max-unfinished", "1").refusal(t); f.RetryAfter != 5 {
		t.Fatalf("by default: %+v", f)
	}
	t.Setenv("SPECSTAR_MAX_UNFINISHED", "2")
	submit().ok(t)
	if f := submit().refusal(t); f.Code != codeBusy {
		t.Fatalf("by the environment: %+v", f)
	}
	for _, wrong := range [][]string{{"--max-unfinished", "0"}, {"--busy-wait", "-1s"}} {
		if r := submit(wrong...); r.code != exitUsage {
			t.Errorf("%v: exit code %d", wrong, r.code)
		}
	}
}

package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// documented are the metrics of docs/metrics.md with their types.
func documented(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(specstar_[a-z_]+)` \\| ([a-z]+) \\|").FindAllStringSubmatch(string(page), -1) {
		all[m[1]] = m[2]
	}
	return all
}

// scrape returns the types of our metrics, and their samples by name and labels.
func scrape(t *testing.T, addr string) (types, samples map[string]string) {
	t.Helper()
	code, body := get(t, addr+"/metrics")
	if code != 200 {
		t.Fatalf("/metrics: %d", code)
	}
	types, samples = map[string]string{}, map[string]string{}
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if typed, ok := strings.CutPrefix(line, "# TYPE specstar_"); ok {
			name, kind, _ := strings.Cut(typed, " ")
			types["specstar_"+name] = kind
		} else if strings.HasPrefix(line, "specstar_") {
			at := strings.LastIndexByte(line, ' ')
			samples[line[:at]] = line[at+1:]
		}
	}
	return types, samples
}

func TestMetricsAreThoseOfTheManual(t *testing.T) {
	dir := t.TempDir()
	run := startRun(t, dir)
	store := "sqlite:" + dir
	save := func(model, line string) {
		t.Helper()
		r := cliIn(t, line, "save", model, "--from", "-", "--store", store, "-o", "json")
		if r.code != exitOK && r.code != exitPartly {
			t.Fatalf("save: %d %s", r.code, r.stderr)
		}
	}
	save("first", `{"op":"create","resource_id":"p1","data":{"a":1}}`)
	_, before := scrape(t, run.address())
	for _, model := range []string{"second", "third", "fourth"} {
		save(model, `{"op":"create","resource_id":"p1","data":{"a":1}}`)
	}
	save("first", `{"op":"create","resource_id":"p1","data":{"a":1}}`)
	var types, samples map[string]string
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		types, samples = scrape(t, run.address())
		if samples[`specstar_job_verdicts_total{class="rules",kind="save",state="refused"}`] == "1" || time.Now().After(deadline) {
			break
		}
	}
	want := documented(t)
	for name, kind := range want {
		if types[name] != kind {
			t.Errorf("%s is %q, and %s in the manual", name, types[name], kind)
		}
	}
	for name := range types {
		if want[name] == "" {
			t.Errorf("%s is not in the manual", name)
		}
	}
	for _, name := range []string{
		"specstar_queue_fetched_total", "specstar_batches_total", "specstar_batch_size_messages_count", "specstar_job_attempts_count",
		`specstar_job_verdicts_total{class="none",kind="save",state="done"}`, `specstar_step_duration_seconds_count{step="wait"}`,
		`specstar_step_duration_seconds_count{step="execute"}`, `specstar_step_duration_seconds_count{step="commit"}`,
		`specstar_ack_duration_seconds_count{confirmed="false"}`,
	} {
		if samples[name] == "" || samples[name] == before[name] {
			t.Errorf("%s was %s and is %s", name, before[name], samples[name])
		}
	}
	if n := len(samples) - len(before); n > 1 { // the verdict of the refused one
		t.Errorf("three models more are %d series more", n)
	}
	for name := range samples {
		if strings.Contains(name, `"second"`) || strings.Contains(name, `"p1"`) {
			t.Errorf("a label that grows: %s", name)
		}
	}
}

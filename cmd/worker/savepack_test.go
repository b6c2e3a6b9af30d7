package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/jobs"
)

// TestSavePacksLines saves lines of which some are refused, in jobs of many lines: each
// is told by its own number, has its own user and time, and comes in its order.
func TestSavePacksLines(t *testing.T) {
	store := "sqlite:" + filepath.Join(t.TempDir(), "data")
	var lines []string
	refused := map[int]string{}
	add := func(code, format string, args ...any) {
		lines = append(lines, fmt.Sprintf(format, args...))
		if code != "" {
			refused[len(lines)] = code
		}
	}
	for i := range 30 {
		add("", `{"op":"create","resource_id":"n:%d","data":{"v":0},"user":"u%d","time":"2024-03-01T08:00:%02dZ"}`, i, i%2, i)
		switch i % 10 {
		case 3:
			add("exists", `{"op":"create","resource_id":"n:%d","data":{}}`, i)
		case 5:
			add("invalid", `{"op":"CREATE","resource_id":"n:%d","data":{}}`, i)
		case 7:
			add("", `{"op":"update","resource_id":"n:%d","data":{"v":1},"id":"own-%d"}`, i, i)
			add("", `{"op":"update","resource_id":"n:%d","data":{"v":2}}`, i)
		}
	}
	r := cliIn(t, strings.Join(lines, "\n"), "save", "n", "--from", "-", "--batch", "7", "--store", store, "--user", "me", "-o", "json")
	var sum saveResult
	r.into(t, &sum)
	if r.code != exitPartly || int(sum.Done) != len(lines)-len(refused) || int(sum.Refused) != len(refused) || sum.Dead != 0 {
		t.Fatalf("save = %d %+v", r.code, sum)
	}
	if len(sum.Errors) != len(refused) {
		t.Fatalf("errors %+v; want lines %v", sum.Errors, refused)
	}
	for _, e := range sum.Errors {
		if refused[e.Line] != e.Code {
			t.Errorf("line %d: %s; want %q", e.Line, e.Code, refused[e.Line])
		}
	}
	var got struct {
		Meta, Info, Data map[string]any
	}
	cli(t, "get", "n", "n:11", "--store", store, "-o", "json").into(t, &got)
	if got.Meta["created_by"] != "u1" || got.Meta["created_time"] != "2024-03-01T08:00:11Z" {
		t.Fatalf("n:11 = %+v", got)
	}
	cli(t, "get", "n", "n:17", "--store", store, "-o", "json").into(t, &got)
	if got.Data["v"] != 2.0 || got.Meta["total_revision_count"] != 3.0 || got.Info["created_by"] != "me" {
		t.Fatalf("n:17 = %+v", got)
	}
	var all []struct {
		JobID string `json:"job_id"`
	}
	cli(t, "jobs", "list", "--store", store, "-o", "json").into(t, &all)
	own := 0
	for _, j := range all {
		if strings.HasPrefix(j.JobID, "own-") {
			own++
		}
	}
	if own != 3 || len(all) < 7 || len(all) > 11 {
		t.Fatalf("%d jobs, %d with an id of their own", len(all), own)
	}
}

// TestPackerHoldsItsLimits checks how lines become jobs, without a queue.
func TestPackerHoldsItsLimits(t *testing.T) {
	sizes := func(most int, text string) (sizes []int, bad int) {
		t.Helper()
		p := packer{model: "n", user: "me", most: most}
		for l, err := range readLines(strings.NewReader(text)) {
			if err != nil {
				t.Fatal(err)
			}
			p.add(l)
		}
		p.flush()
		for _, j := range p.jobs {
			sizes = append(sizes, len(j.lines))
			if m, _, err := j.envelope.Pack(); err != nil || len(j.lines) > 1 && len(m) > packBytes {
				t.Errorf("a job of %d lines has %d bytes, %v", len(j.lines), len(m), err)
			}
		}
		return sizes, len(p.bad)
	}
	line := func(size int) string {
		return `{"op":"create","data":"` + strings.Repeat("x", size) + "\"}\n"
	}
	for name, tc := range map[string]struct {
		most int
		text string
		want []int
		bad  int
	}{
		"none":             {500, "\n\n", nil, 0},
		"one each":         {1, strings.Repeat(line(1), 3), []int{1, 1, 1}, 0},
		"by count":         {4, strings.Repeat(line(1), 10), []int{4, 4, 2}, 0},
		"by bytes":         {500, strings.Repeat(line(100<<10), 5), []int{2, 2, 1}, 0},
		"a large one":      {500, line(1) + line(600<<10) + line(1), []int{1, 1, 1}, 0},
		"a very large one": {500, line(1) + line(2*jobs.MaxMessageBytes) + line(1), []int{1, 1, 1}, 0},
		"one too large":    {500, line(1) + line(jobs.MaxContentBytes-30) + line(1), []int{1, 1}, 1},
		"an id":            {500, line(1) + line(1) + `{"op":"create","id":"a"}` + "\n" + line(1), []int{2, 1, 1}, 0},
		"a bad one":        {500, line(1) + "{}\n" + line(1), []int{2}, 1},
		"only a bad one":   {500, `{"op":"Create"}`, nil, 1},
		"many small ones":  {10_000, strings.Repeat(`{"op":"create"}`+"\n", 9000), []int{3318, 3318, 2364}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got, bad := sizes(tc.most, tc.text); fmt.Sprint(got) != fmt.Sprint(tc.want) || bad != tc.bad {
				t.Fatalf("jobs of %v lines, %d bad; want %v, %d", got, bad, tc.want, tc.bad)
			}
		})
	}
}

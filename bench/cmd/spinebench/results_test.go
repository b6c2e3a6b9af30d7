package main

import (
	"strings"
	"testing"
	"time"
)

func TestTheRatioIsTheMedianOfTheRounds(t *testing.T) {
	r := &results{inputs: map[input]archiveFile{items: {resources: 1000, bytes: 2_000_000}}, ours: map[string][]timing{}, theirs: map[string][]timing{}}
	for _, ms := range []int{10, 40, 20} {
		r.ours["load"] = append(r.ours["load"], timing{10 * time.Millisecond, 20 * time.Millisecond})
		r.theirs["load"] = append(r.theirs["load"], timing{time.Duration(ms) * 5 * time.Millisecond, 0})
	}
	for _, x := range r.rows() {
		if x.Operation != "load" {
			continue
		}
		if x.Ratio != 10 || !x.Reached || x.Ours.ResourcesPerSecond != 100_000 || x.Ours.MBPerSecond != 200 || x.Ours.CPUMicros != 20 {
			t.Fatalf("%+v", x)
		}
	}
	var b strings.Builder
	if err := r.writeTable(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"**10.0×**", "4× reached", "5.0–20.0", "3× not reached"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
}

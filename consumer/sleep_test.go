package consumer

import (
	"testing"
	"time"
)

func TestSleepersAreFewAndSleepShortly(t *testing.T) {
	var s sleepers
	s.bind(3 * sleepShare)
	now := time.Unix(1700000000, 0)
	for i, c := range []struct {
		at, d time.Duration
		want  bool
	}{
		{0, maxSleep + 1, false},
		{0, 3 * time.Second, true},
		{0, time.Second, true},
		{0, 2 * time.Second, true},
		{0, time.Second, false},
		{time.Second - 1, time.Second, false},
		{time.Second, time.Minute, false},
		{time.Second, 10 * time.Second, true},
		{2*time.Second - 1, time.Second, false},
		{4 * time.Second, maxSleep, true},
		{4 * time.Second, maxSleep, true},
		{4 * time.Second, maxSleep, false},
	} {
		if got := s.add(now.Add(c.at), c.d); got != c.want {
			t.Fatalf("step %d: %v, want %v; they wake at %v", i, got, c.want, s.wakes)
		}
	}
	for pending, want := range map[int]int{-1: savesPending / sleepShare, 0: savesPending / sleepShare, 1: 1, 64: 1, 1000: 15} {
		if s.bind(pending); s.most != want {
			t.Errorf("of %d messages %d may sleep, want %d", pending, s.most, want)
		}
	}
}

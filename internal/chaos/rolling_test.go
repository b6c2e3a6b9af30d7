package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestRollingRestart: all workers are asked to end, one after another, again and again
// under load. Each ends with exit code 0 within its grace; what it had not begun is done
// by others long before the server would hand it out by itself; nothing that was begun
// is begun again.
func TestRollingRestart(t *testing.T) {
	rounds := 2
	if long() {
		rounds = 35 // of three workers: some hundred restarts
	}
	var p rolling
	c := Config{
		Seed: number(t, "CHAOS_SEED", uint64(time.Now().UnixNano())), Duration: time.Hour, Dir: runDir(t), Server: programs.server,
		Workers: 3, Rate: 300, LoadEvery: 4 * time.Second, LoadSizes: []int{50, 300}, AckWait: time.Minute,
		script: func(ctx context.Context, s *Stand, _ *scene) error { return p.happen(ctx, s, rounds) },
	}
	if !long() {
		t.Parallel()
	}
	c.Worker = built(t, asItIs)
	r := run(t, c)
	if err := p.read(); err != nil {
		t.Fatal(err)
	}
	again := timesOf(p.handedBack)
	t.Logf("%d restarts, each ended within %s; %d jobs, %d handed back and done by others after p50 %s, most %s; begun twice: %d",
		len(p.stops), timesOf(durations(p.stops)).Most.Round(10*time.Millisecond), len(p.ended), len(p.handedBack),
		again.P50.Round(time.Millisecond), again.Most.Round(time.Millisecond), len(p.twice))
	if len(p.twice) > 0 {
		t.Errorf("%d jobs were begun twice: %v", len(p.twice), p.twice[:min(len(p.twice), 10)])
	}
	if again.Most > 20*time.Second {
		t.Errorf("a job that was handed back was done after %s; its ack_wait is a minute", again.Most)
	}
	if r.Retried > 0 {
		t.Errorf("%d jobs were tried more than once", r.Retried)
	}
}

// rolling is what came of the restarts.
type rolling struct {
	logs  []string
	stops []stop
	// ended counts how often a worker told of the end of each job; twice are those of
	// which that was more than once. handedBack are the times from the latest SIGTERM
	// before to the end of jobs that were delivered more than once.
	ended      map[string]int
	twice      []string
	handedBack []time.Duration
}

// stop is one worker that was asked to end.
type stop struct {
	at   time.Time
	took time.Duration
}

func durations(stops []stop) (all []time.Duration) {
	for _, s := range stops {
		all = append(all, s.took)
	}
	return all
}

func (p *rolling) happen(ctx context.Context, s *Stand, rounds int) error {
	sleep(ctx, 3*time.Second)
	for range rounds {
		for _, x := range s.fleet.slots {
			begin := time.Now()
			w := x.current()
			if err := w.stop(stopWithin); err != nil {
				return fmt.Errorf("%w\n%s", err, tail(x.log))
			}
			p.stops = append(p.stops, stop{begin, time.Since(begin)})
			if code := w.code(); code != 0 {
				return fmt.Errorf("%s ended with exit code %d\n%s", w.name, code, tail(x.log))
			}
			if !x.ready(ctx, w) {
				return fmt.Errorf("no worker came after %s\n%s", w.name, tail(x.log))
			}
		}
	}
	for _, x := range s.fleet.slots {
		p.logs = append(p.logs, x.log)
	}
	return nil
}

// read reads what the workers told of the ends of jobs.
func (p *rolling) read() error {
	p.ended = map[string]int{}
	for _, log := range p.logs {
		for line := range strings.Lines(readLog(log)) {
			var l struct {
				Time     time.Time
				Msg      string
				JobID    string `json:"job_id"`
				Delivery int
			}
			if json.Unmarshal([]byte(line), &l) != nil || l.Msg != "job ended" {
				continue
			}
			if p.ended[l.JobID]++; p.ended[l.JobID] == 2 {
				p.twice = append(p.twice, l.JobID)
			}
			if l.Delivery > 1 {
				p.handedBack = append(p.handedBack, l.Time.Sub(p.lastStop(l.Time)))
			}
		}
	}
	if len(p.ended) == 0 {
		return fmt.Errorf("the logs tell of no job")
	}
	return nil
}

// lastStop returns when a worker was last asked to end before a moment.
func (p *rolling) lastStop(at time.Time) (last time.Time) {
	for _, s := range p.stops {
		if s.at.Before(at) {
			last = s.at
		}
	}
	return last
}

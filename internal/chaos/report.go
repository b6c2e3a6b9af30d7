package chaos

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// Report is what came of a run.
type Report struct {
	Seed    uint64        `json:"seed"`
	Layout  Layout        `json:"layout"`
	Nodes   int           `json:"nats_servers"`
	Workers int           `json:"workers"`
	Took    time.Duration `json:"took"`
	// History is the file with the history, Digest its SHA-256.
	History string `json:"history"`
	Digest  string `json:"sha256"`

	// Submitted jobs are Accepted, or nobody knows (Unknown). Of all jobs in the ledger
	// so many are in each state; Lost were accepted and are in none, Forgotten were
	// nowhere but in a queue that lost its disk.
	Submitted int                      `json:"submitted"`
	Accepted  int                      `json:"accepted"`
	Unknown   int                      `json:"unknown"`
	States    map[storage.JobState]int `json:"states"`
	Lost      int                      `json:"lost"`
	Forgotten int                      `json:"forgotten"`
	// Doomed were accepted and could not be done.
	Doomed int `json:"doomed"`
	// Retried jobs, not counting the doomed, were tried more than once. Writes are the revisions of saves, Twice
	// those tokens that are in more than one, Stray revisions that do not count.
	Retried int `json:"tried_again"`
	Writes  int `json:"writes"`
	Twice   int `json:"effects_twice"`
	Stray   int `json:"stray_revisions"`
	// Superseded saves came after a newer one of their resource and had no effect.
	Superseded int `json:"superseded"`
	// Litter is how many messages of ended jobs a queue kept whose disk had been full.
	Litter uint64 `json:"litter,omitempty"`
	// Starts counts processes of workers.
	Starts int `json:"worker_starts"`
	// Times are from acceptance to the end of a job.
	Times Times `json:"times"`

	Strikes    []Strike    `json:"strikes"`
	Violations []Violation `json:"violations"`
}

// Times are some of many durations.
type Times struct {
	P50  time.Duration `json:"p50"`
	P99  time.Duration `json:"p99"`
	Most time.Duration `json:"max"`
}

func timesOf(all []time.Duration) (t Times) {
	if len(all) == 0 {
		return t
	}
	all = slices.Sorted(slices.Values(all))
	return Times{P50: all[len(all)/2], P99: all[len(all)*99/100], Most: all[len(all)-1]}
}

// count fills in what follows from history and state.
func (r *Report) count(events []Event, state *State) {
	e := gather(events, state)
	for _, x := range events {
		switch x.Kind {
		case Invoked:
			r.Submitted++
		case Accepted:
			if r.Accepted++; x.Fate != "" {
				r.Doomed++
			}
		case Unknown:
			r.Unknown++
		}
	}
	r.States = map[storage.JobState]int{}
	for id, row := range state.Jobs {
		r.States[row.State]++
		if j := e.jobs[id]; row.Attempt > 1 && (j == nil || j.fate == "") {
			r.Retried++
		}
		for _, o := range row.Outcomes {
			if o.Effect == string(manager.EffectSuperseded) {
				r.Superseded++
			}
		}
	}
	for id, j := range e.jobs {
		if _, there := state.Jobs[id]; j.accepted && !there {
			if e.forgotten(j) {
				r.Forgotten++
			} else {
				r.Lost++
			}
		}
	}
	for _, found := range e.found {
		r.Writes++
		if len(found) > 1 {
			r.Twice++
		}
	}
	r.Stray = e.stray
}

// String is the report for people.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "chaos: seed %d, %s, %d nats-server, %d workers, %s\n", r.Seed, r.Layout, r.Nodes, r.Workers, r.Took.Round(time.Second))
	fmt.Fprintf(&b, "jobs: %d submitted, %d accepted, %d of them doomed, %d unknown; ledger:", r.Submitted, r.Accepted, r.Doomed, r.Unknown)
	for _, s := range []storage.JobState{storage.JobDone, storage.JobRefused, storage.JobDead, storage.JobCancelled, storage.JobQueued, storage.JobRunning} {
		if r.States[s] > 0 {
			fmt.Fprintf(&b, " %d %s", r.States[s], s)
		}
	}
	fmt.Fprintf(&b, "\nlost: %d (and %d that only a queue without disk had); effects twice: %d of %d writes; tried again: %d; superseded: %d; stray revisions: %d\n",
		r.Lost, r.Forgotten, r.Twice, r.Writes, r.Retried, r.Superseded, r.Stray)
	fmt.Fprintf(&b, "from acceptance to the end: p50 %s, p99 %s, most %s; %d worker processes\n", short(r.Times.P50), short(r.Times.P99), short(r.Times.Most), r.Starts)
	if r.Litter > 0 {
		fmt.Fprintf(&b, "messages of ended jobs in a queue whose disk was full: %d\n", r.Litter)
	}
	r.writeStrikes(&b)
	fmt.Fprintf(&b, "history: %s sha256 %s\n", r.History, r.Digest)
	if len(r.Violations) == 0 {
		b.WriteString("nothing is wrong\n")
	}
	for i, v := range r.Violations {
		if i == 50 {
			fmt.Fprintf(&b, "… and %d more\n", len(r.Violations)-i)
			break
		}
		fmt.Fprintf(&b, "VIOLATION %s\n", v)
	}
	return b.String()
}

// writeStrikes writes a line for each kind of nemesis.
func (r *Report) writeStrikes(b *strings.Builder) {
	groups := map[string][]time.Duration{}
	errs := map[string]string{}
	for _, s := range r.Strikes {
		groups[s.Nemesis] = append(groups[s.Nemesis], s.Recovery)
		errs[s.Nemesis] = cmp.Or(s.Error, errs[s.Nemesis])
	}
	w := tabwriter.NewWriter(b, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "nemesis\ttimes\trecovery p50\tmost\t")
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		t := timesOf(groups[name])
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", name, len(groups[name]), short(t.P50), short(t.Most), errs[name])
	}
	_ = w.Flush() // a builder takes everything
}

func short(d time.Duration) time.Duration {
	if d > 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}

// save leaves the report in a directory, as JSON and for people.
func (r *Report) save(dir string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "report.json"), b, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "report.txt"), []byte(r.String()), 0o600)
}

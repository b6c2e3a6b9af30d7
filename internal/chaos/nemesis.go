package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// nemesis breaks something.
type nemesis struct {
	name string
	// fits reports whether the stand has what it breaks; nil means every one has.
	fits func(*Stand) bool
	// strike breaks it. heal, when not nil, puts it right after the hold; note says
	// what exactly was done.
	strike func(ctx context.Context, s *Stand, r *rand.Rand) (heal func(context.Context) error, note string, err error)
	// least and most bound how long it is left broken.
	least, most time.Duration
	// forgets says that the queue forgets what it holds, miscounts that it forgets how
	// often it delivered: it writes that down with a delay.
	forgets, miscounts bool
	// litters says that the queue may keep messages of jobs that have ended: it could not
	// write down that they were acknowledged.
	litters bool
}

// nemeses are all there are.
func nemeses() []nemesis {
	return slices.Concat(processNemeses(), networkNemeses(), brokerNemeses(), clusterNemeses(), databaseNemeses(), objectNemeses(), volumeNemeses())
}

func nemesisNamed(name string) (nemesis, bool) {
	all := nemeses()
	i := slices.IndexFunc(all, func(n nemesis) bool { return n.name == name })
	if i < 0 {
		return nemesis{}, false
	}
	return all[i], true
}

// chosen returns the nemeses that a stand is to meet.
func (s *Stand) chosen() []nemesis {
	var all []nemesis
	for _, n := range nemeses() {
		wanted := s.config.Nemeses == nil || slices.Contains(s.config.Nemeses, n.name)
		if wanted && (n.fits == nil || n.fits(s)) {
			all = append(all, n)
		}
	}
	return all
}

// torment has one nemesis come after another until ctx ends.
type torment struct {
	stand   *Stand
	random  *rand.Rand
	history *Recorder
	tracker *tracker
	strikes []Strike
}

// Strike is what one nemesis did, and how long the system took to recover.
type Strike struct {
	Nemesis string `json:"nemesis"`
	Note    string `json:"note,omitempty"`
	// At is when it came, Held how long it was left so.
	At   time.Duration `json:"at"`
	Held time.Duration `json:"held"`
	// Recovery is how long it took, once all was put right, until every save had ended
	// that was accepted before, and one that was accepted later.
	Recovery time.Duration `json:"recovery"`
	// Left is how many had not after the time that was given.
	Left int `json:"left,omitempty"`
	// Error is why it could not do its work.
	Error string `json:"error,omitempty"`
}

func (t *torment) run(ctx context.Context) {
	all := t.stand.chosen()
	for len(all) > 0 && ctx.Err() == nil {
		t.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, n := range all {
			sleep(ctx, between(t.random, 0, t.stand.config.Calm))
			if ctx.Err() != nil {
				return
			}
			t.strikes = append(t.strikes, t.strike(ctx, n))
		}
	}
}

// strike lets one nemesis do its work, puts it right and waits for the recovery.
func (t *torment) strike(ctx context.Context, n nemesis) Strike {
	began := time.Now()
	s := Strike{Nemesis: n.name, At: t.history.Now()}
	working := ctx
	ctx = context.WithoutCancel(ctx) // what was broken is put right
	t.history.Add(Event{Kind: Struck, Nemesis: n.name})
	heal, note, err := n.strike(ctx, t.stand, t.random)
	if err == nil && heal != nil {
		time.Sleep(between(t.random, n.least, n.most))
		err = heal(ctx)
	}
	s.Note, s.Held = note, time.Since(began)
	if err != nil {
		s.Error = err.Error()
	}
	t.history.Add(Event{Kind: Healed, Nemesis: n.name, Note: note})
	healed := time.Now()
	if n.forgets {
		s.Note += fmt.Sprintf("; %d saves that only the queue had", t.tracker.abandon())
	}
	s.Left = len(t.tracker.recovery(working, healed, t.stand.config.Settle))
	s.Recovery = time.Since(healed)
	t.history.Add(Event{Kind: Recovered, Nemesis: n.name, Number: s.Left})
	return s
}

// between draws a duration.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	if most <= least {
		return least
	}
	return least + time.Duration(r.Int64N(int64(most-least)))
}

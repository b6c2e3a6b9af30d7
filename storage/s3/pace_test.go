package s3

import (
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

// window lets one window of requests pass.
func window(p *pace, at *time.Time, asked, refused int) {
	for i := range asked {
		if i == asked-1 {
			*at = at.Add(paceWindow)
		}
		p.note(i < refused)
	}
}

func TestPaceFollowsWhatIsAccepted(t *testing.T) {
	at := time.Now()
	p := newPace()
	p.now = func() time.Time { return at }
	for range 20 {
		window(p, &at, 100, 20)
	}
	if got := p.limit.Limit(); got != rate.Inf {
		t.Errorf("with a fifth refused the limit is %v, want none", got)
	}
	window(p, &at, 100, 60) // 40 in a quarter of a second are accepted
	if got := p.limit.Limit(); got != 200 {
		t.Errorf("the limit is %v, want 200: a quarter more than 160", got)
	}
	window(p, &at, 50, 50)
	if got := p.limit.Limit(); got != paceLeast {
		t.Errorf("when nothing is accepted the limit is %v, want %v", got, paceLeast)
	}
	last := paceLeast
	for windows := 0; p.limit.Limit() != rate.Inf; windows++ {
		window(p, &at, 2, 0)
		if got := p.limit.Limit(); got <= last || windows > 60 {
			t.Fatalf("after %d windows the limit is %v, want it to grow until it falls away", windows, got)
		}
		last = p.limit.Limit()
	}
}

// TestPaceIsNotLoweredByChance has a fifth of the answers refused while there are only
// a few at a time: the rate grows all the same.
func TestPaceIsNotLoweredByChance(t *testing.T) {
	at := time.Now()
	p := newPace()
	p.now = func() time.Time { return at }
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 { // it was idle before each
		at = at.Add(time.Minute)
		p.note(true)
	}
	if got := p.limit.Limit(); got != rate.Inf {
		t.Errorf("one refused in a minute makes the limit %v, want none", got)
	}
	for range 100 {
		at = at.Add(paceWindow / 50)
		p.note(true)
	}
	if got := p.limit.Limit(); got != paceLeast {
		t.Fatalf("when nothing is accepted the limit is %v, want %v", got, paceLeast)
	}
	began := at
	for p.limit.Limit() != rate.Inf && at.Sub(began) < time.Minute {
		at = at.Add(time.Duration(float64(time.Second) / float64(p.limit.Limit())))
		p.note(random.IntN(5) == 0)
	}
	if took := at.Sub(began); took > 30*time.Second {
		t.Errorf("with a fifth refused the limit is %v after %v, want none", p.limit.Limit(), took)
	}
}

func TestBudgetIsSpentAndEarned(t *testing.T) {
	b := newBudget()
	at := b.at
	b.now = func() time.Time { return at }
	spend := func() (n int) {
		for b.take() {
			n++
		}
		return n
	}
	if n := spend(); n != budgetMost {
		t.Errorf("%d repeats were allowed, want %d", n, budgetMost)
	}
	for range 10 {
		b.earn()
	}
	if n := spend(); n != 10*budgetSuccess {
		t.Errorf("after ten successes %d repeats were allowed, want %v", n, 10*budgetSuccess)
	}
	at = at.Add(3 * time.Second)
	if n := spend(); n != 3*budgetSecond {
		t.Errorf("after three seconds %d repeats were allowed, want %d", n, 3*budgetSecond)
	}
	at = at.Add(time.Hour)
	if n := spend(); n != budgetMost {
		t.Errorf("after an hour %d repeats were allowed, want %d", n, budgetMost)
	}
}

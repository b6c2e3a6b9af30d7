package consumer

import "testing"

// TestProgress: messages are taken for done only up to the first that is not, and
// only when no delivery is missing.
func TestProgress(t *testing.T) {
	at := func(delivery, sequence uint64) place { return place{delivery: delivery, sequence: sequence} }
	for name, c := range map[string]struct {
		do    func(*progress)
		bound uint64
		known bool
	}{
		"nothing came": {func(*progress) {}, 0, false},
		"all done":     {func(p *progress) { p.came(at(1, 3)); p.came(at(2, 5)); p.done(5); p.done(3) }, 6, true},
		"one is not":   {func(p *progress) { p.came(at(1, 3)); p.came(at(2, 5)); p.done(5) }, 3, true},
		"again":        {func(p *progress) { p.came(at(1, 3)); p.came(at(2, 3)); p.done(3) }, 4, true},
		"one is lost":  {func(p *progress) { p.came(at(1, 3)); p.came(at(3, 5)); p.done(5); p.done(3) }, 0, false},
		"kept":         {func(p *progress) { p.came(at(1, 3)); p.came(at(1, 3)); p.done(3) }, 0, false},
		"bound again":  {func(p *progress) { p.came(at(1, 3)); p.lose(); p.done(3) }, 0, false},
	} {
		p := newProgress()
		c.do(p)
		if bound, known := p.bound(); bound != c.bound || known != c.known {
			t.Errorf("%s: done below %d (%v), want %d (%v)", name, bound, known, c.bound, c.known)
		}
	}
}

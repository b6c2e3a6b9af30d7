package faulty

import (
	"fmt"
	"strings"
	"sync"
)

// Always is a [Fault.Times] without end.
const Always = -1

// Fault says which calls fail, and how.
type Fault struct {
	// On are the methods it is about: "Ledger.Claim", all of one part as "Ledger.*",
	// or all there are as "*". Their calls are counted together.
	On []string
	// Skip is how many calls pass before the first that fails.
	Skip int
	// Times is how many calls fail then; 0 means one, [Always] all.
	Times int
	// Do is what happens to them.
	Do Effect
}

// Plan holds the faults of a store. The zero Plan is ready to use; it may be
// shared by stores, whose calls are counted together then. Its methods may be
// called from several goroutines.
type Plan struct {
	mu    sync.Mutex
	armed []*armed
	calls map[string]int
	fired int
}

// armed is a fault and how many calls it has seen.
type armed struct {
	Fault
	seen int
}

// Arm adds a fault, which counts calls from now on. Of several that hit a call
// the one armed first has its way. It panics when f names a method that no store
// has: such a fault would never be met.
func (p *Plan) Arm(f Fault) {
	for _, on := range f.On {
		if !names(on) {
			panic(fmt.Sprintf("faulty: no store has a method %q", on))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = append(p.armed, &armed{Fault: f})
}

// Disarm removes all faults.
func (p *Plan) Disarm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = nil
}

// Calls returns how many calls there were of the methods that on names.
func (p *Plan) Calls(on string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for method, calls := range p.calls {
		if matches(on, method) {
			n += calls
		}
	}
	return n
}

// Fired returns how many calls a fault was done to.
func (p *Plan) Fired() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fired
}

// next counts a call and returns what happens to it.
func (p *Plan) next(method string) Effect {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls == nil {
		p.calls = map[string]int{}
	}
	p.calls[method]++
	var effect Effect
	hit := false
	for _, a := range p.armed {
		if a.hits(method) && !hit {
			effect, hit = a.Do, true
			p.fired++
		}
	}
	return effect
}

// hits counts a call and reports whether it fails.
func (a *armed) hits(method string) bool {
	for _, on := range a.On {
		if matches(on, method) {
			a.seen++
			return a.seen > a.Skip && (a.Times == Always || a.seen <= a.Skip+max(a.Times, 1))
		}
	}
	return false
}

// matches reports whether on names the method.
func matches(on, method string) bool {
	part, all := strings.CutSuffix(on, "*")
	return on == method || all && strings.HasPrefix(method, part)
}

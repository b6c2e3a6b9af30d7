package jobs

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// together waits for goroutines. A panic of one of them is that of who waits, whom
// something may guard.
type together struct {
	wg       sync.WaitGroup
	mu       sync.Mutex
	panicked any
}

// Go runs f in a goroutine.
func (g *together) Go(f func()) {
	g.wg.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.panicked = fmt.Sprintf("%v\n%s", v, debug.Stack())
			}
		}()
		f()
	})
}

// Wait returns when all have ended.
func (g *together) Wait() {
	g.wg.Wait()
	if g.panicked != nil {
		panic(g.panicked)
	}
}

package consumer

import (
	"cmp"
	"slices"
	"sync"
)

const (
	// batchesAtOnce is how many batches of saves of a loop run at the same time: one is
	// decoded while the other is being written.
	batchesAtOnce = 2
	// besideBytes is from how many bytes of messages a batch is worth being run beside
	// another one, however few they are.
	besideBytes = 128 << 10
)

// hand is what a loop holds of the queue: messages that wait for a worker and
// messages that are being worked on.
type hand struct {
	mu      sync.Mutex
	waiting []held
	bytes   int // of the waiting ones
	active  map[message]uint64
	batches int           // of active messages
	recall  bool          // nothing is taken until all batches have come back: some wait again
	came    uint64        // how many messages have
	changed chan struct{} // closed and replaced when there is more to take, or room
	free    func(bytes int)
	// beside is how many waiting messages are worth a batch beside another one, 0 for long
	// jobs, which have nothing to do with each other.
	beside int
}

// held is a message that waits, and its number among those that came.
type held struct {
	message
	number uint64
}

// newHand returns an empty hand; free gives bytes back to the budget.
func newHand(free func(bytes int), beside int) *hand {
	return &hand{active: make(map[message]uint64), changed: make(chan struct{}), free: free, beside: beside}
}

// change wakes everyone who waits. The caller holds mu.
func (h *hand) change() {
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *hand) put(m message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.level()
	h.came++
	h.waiting = append(h.waiting, held{m, h.came})
	h.bytes += len(m.Data())
	if h.level() != before {
		h.change()
	}
}

// take makes a batch of the first waiting messages, at most n of so many bytes together
// but for the first, or returns none and a channel that is closed at the next change.
func (h *hand) take(n, bytes int) ([]message, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n = min(n, len(h.waiting)); n == 0 || h.recall {
		return nil, h.changed
	}
	var taken []message
	for _, m := range h.waiting[:n] {
		size := len(m.Data())
		if bytes -= size; bytes < 0 && len(taken) > 0 {
			break
		}
		h.bytes -= size
		h.active[m.message] = m.number
		taken = append(taken, m.message)
	}
	h.waiting = h.waiting[len(taken):]
	h.batches++
	h.change()
	return taken, nil
}

// load is what there is to take.
type load int

const (
	loadNone load = iota
	loadSome      // enough if nothing else is being done
	loadFull      // enough to be done beside another batch
)

// load returns what there is to take, how many batches are being worked on, and a channel
// that is closed when that has changed.
func (h *hand) load() (l load, batches int, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.level(), h.batches, h.changed
}

// level returns what there is to take. The caller holds mu.
func (h *hand) level() load {
	switch {
	case len(h.waiting) == 0 || h.recall:
		return loadNone
	case len(h.waiting) >= h.beside || h.bytes >= besideBytes:
		return loadFull
	}
	return loadSome
}

// settle forgets the messages of a batch, but those to keep wait again, in the order in
// which they came, before all that came later.
func (h *hand) settle(ms, keep []message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	kept := 0
	for _, m := range keep {
		h.waiting = append(h.waiting, held{m, h.active[m]})
		kept += len(m.Data())
	}
	if len(keep) > 0 {
		slices.SortFunc(h.waiting, func(a, b held) int { return cmp.Compare(a.number, b.number) })
	}
	done := -kept
	for _, m := range ms {
		delete(h.active, m)
		done += len(m.Data())
	}
	h.bytes += kept
	h.batches--
	h.recall = (h.recall || len(keep) > 0) && h.batches > 0 && h.beside > 0
	h.free(done)
	h.change()
}

// room returns how many messages and bytes may be asked for, or none and a
// channel that is closed at the next change. ahead is how many may wait while
// every worker is busy, size how many bytes of them.
func (h *hand) room(workers, ahead, size int) (n, bytes int, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n = ahead - len(h.waiting)
	if ahead == 0 {
		n = workers - len(h.active) - len(h.waiting)
	}
	bytes = size - h.bytes
	if ahead == 0 {
		bytes = n * minFetchBytes // no more than can come
	}
	if n <= 0 || bytes < minFetchBytes {
		return 0, 0, h.changed
	}
	return n, bytes, nil
}

// minFetchBytes is the least that is asked for: the largest message must fit,
// with its subject and the one that it is answered on.
const minFetchBytes = maxMessage + 4<<10

// all returns every message in hand.
func (h *hand) all() []message {
	h.mu.Lock()
	defer h.mu.Unlock()
	ms := make([]message, 0, len(h.active)+len(h.waiting))
	for m := range h.active {
		ms = append(ms, m)
	}
	for _, m := range h.waiting {
		ms = append(ms, m.message)
	}
	return ms
}

// empty takes back the messages that wait.
func (h *hand) empty() []message {
	h.mu.Lock()
	defer h.mu.Unlock()
	ms := make([]message, len(h.waiting))
	for i, m := range h.waiting {
		ms[i] = m.message
	}
	h.free(h.bytes)
	h.waiting, h.bytes = nil, 0
	h.change()
	return ms
}

package consumer

import "sync"

// hand is what a loop holds of the queue: messages that wait for a worker and
// messages that are being worked on.
type hand struct {
	mu      sync.Mutex
	waiting []message
	bytes   int // of the waiting ones
	active  map[message]struct{}
	changed chan struct{} // closed and replaced at every change
	free    func(bytes int)
}

// newHand returns an empty hand; free gives bytes back to the budget.
func newHand(free func(bytes int)) *hand {
	return &hand{active: make(map[message]struct{}), changed: make(chan struct{}), free: free}
}

// change wakes everyone who waits. The caller holds mu.
func (h *hand) change() {
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *hand) put(m message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting = append(h.waiting, m)
	h.bytes += len(m.Data())
	h.change()
}

// take moves at most n waiting messages to the active ones, or returns none and
// a channel that is closed at the next change.
func (h *hand) take(n int) ([]message, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n = min(n, len(h.waiting))
	if n == 0 {
		return nil, h.changed
	}
	taken := h.waiting[:n:n]
	h.waiting = h.waiting[n:]
	for _, m := range taken {
		h.bytes -= len(m.Data())
		h.active[m] = struct{}{}
	}
	h.change()
	return taken, nil
}

// idle returns whether no message waits, and a channel that is closed at the
// next change.
func (h *hand) idle() (bool, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.waiting) == 0, h.changed
}

// settle forgets active messages, but those to keep wait again, before all others.
func (h *hand) settle(ms, keep []message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	done := 0
	for _, m := range ms {
		delete(h.active, m)
		done += len(m.Data())
	}
	for _, m := range keep {
		h.bytes += len(m.Data())
		done -= len(m.Data())
	}
	h.free(done)
	h.waiting = append(keep, h.waiting...)
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
	return append(ms, h.waiting...)
}

// empty takes back the messages that wait.
func (h *hand) empty() []message {
	h.mu.Lock()
	defer h.mu.Unlock()
	ms := h.waiting
	h.free(h.bytes)
	h.waiting, h.bytes = nil, 0
	h.change()
	return ms
}

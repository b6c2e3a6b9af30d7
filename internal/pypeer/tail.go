package pypeer

import "sync"

// tailBytes is how much of a process's errors is kept.
const tailBytes = 16 << 10

// tail keeps the last bytes written to it. The zero tail is ready.
type tail struct {
	mu sync.Mutex
	b  []byte
}

// Write keeps the end of b and of what was written before.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b...)
	if over := len(t.b) - tailBytes; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(b), nil
}

// String returns what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}

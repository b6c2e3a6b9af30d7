package postgres

import "sync"

// maxKeptBuffer is how large a buffer may be to be kept, in bytes.
const maxKeptBuffer = 8 << 20

// buffers keeps memory for rows of COPY: clearing that of every batch anew costs
// as much as filling it. Each kind of rows has its own, since their sizes differ.
type buffers struct{ metas, contents, entries, marks, jobs kept }

// kept is memory for one kind of rows.
type kept struct{ pool sync.Pool }

// rows returns no rows yet, with room for size bytes. Whoever has sent them may keep
// their memory.
func (k *kept) rows(size int) *copyRows {
	if old, ok := k.pool.Get().(*[]byte); ok && cap(*old) >= size {
		return &copyRows{b: (*old)[:0]}
	}
	return newCopyRows(size)
}

// keep takes memory that nobody uses any more.
func (k *kept) keep(memory []byte) {
	if cap(memory) > 0 && cap(memory) <= maxKeptBuffer {
		k.pool.Put(&memory)
	}
}

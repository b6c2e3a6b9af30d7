// Package progress shows how far work is: bars on a terminal, plain lines
// elsewhere, nothing when asked to be quiet. It writes to standard error alone.
package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Every is the time between two plain lines of one task.
const Every = 2 * time.Second

// Mode is how progress is shown.
type Mode int

// The modes.
const (
	None  Mode = iota
	Lines      // plain lines, at most one a task and two seconds
	Bars       // live bars, for a terminal
)

// Board shows the progress of several tasks.
type Board struct {
	mode Mode
	now  func() time.Time

	mu   sync.Mutex
	w    io.Writer
	bars *mpb.Progress
}

// New returns a board that writes to w.
func New(w io.Writer, mode Mode) *Board {
	b := &Board{mode: mode, now: time.Now, w: w}
	if mode == Bars {
		b.bars = mpb.New(mpb.WithOutput(w), mpb.WithWidth(48), mpb.WithAutoRefresh())
	}
	return b
}

// Wait ends the display; bars stay as they are. No task may be updated after it.
func (b *Board) Wait() {
	if b.bars != nil {
		b.bars.Wait()
	}
}

// Task is one thing that makes progress. Its methods may be called from several
// goroutines.
type Task struct {
	board *Board
	name  string
	unit  string
	began time.Time
	// deep is how many tasks this one is a part of.
	deep int
	// note is what is shown in place of the rate; nil for the rate.
	note atomic.Pointer[string]
	// last is the rate as last shown, still says that it is final; only the bar's
	// own goroutine uses them.
	last  string
	still bool

	mu          sync.Mutex
	done, total int64
	shown       time.Time
	ended       bool
	bar         *mpb.Bar
}

// Start shows a new task. unit names what is counted, in the plural; it is empty for a
// task that counts nothing. A total of 0 is not known yet.
func (b *Board) Start(name, unit string, total int64) *Task {
	return b.start(&Task{name: name, unit: unit, total: total})
}

// Start shows a part of the task, below it.
func (t *Task) Start(name, unit string, total int64) *Task {
	if t.board.mode == Lines {
		name = t.name + ", " + name
	}
	return t.board.start(&Task{name: name, unit: unit, total: total, deep: t.deep + 1})
}

func (b *Board) start(t *Task) *Task {
	t.board, t.began, t.shown = b, b.now(), b.now()
	switch b.mode {
	case Bars:
		name := decor.Name(strings.Repeat("  ", t.deep)+t.name, decor.WCSyncSpaceR)
		if t.unit == "" {
			t.bar = b.bars.New(0, mpb.NopStyle(), mpb.PrependDecorators(name), mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_GO)))
			break
		}
		t.bar = b.bars.AddBar(t.total,
			mpb.PrependDecorators(name, decor.CountersNoUnit("%d / %d", decor.WCSyncSpace)),
			mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5}), decor.Any(t.speed)))
	case Lines:
		b.printf("%s: started\n", t.name)
	}
	return t
}

// UpdateWith is Update with what is to be shown in place of the rate, for a task of
// which others know more than how far it is.
func (t *Task) UpdateWith(done, total int64, note string) {
	t.note.Store(&note)
	t.Update(done, total)
}

// Update tells how far the task is. A total of 0 is not known.
func (t *Task) Update(done, total int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return
	}
	t.done, t.total = done, total
	if t.bar != nil {
		t.bar.SetTotal(total, false)
		t.bar.SetCurrent(done)
	}
	if now := t.board.now(); t.board.mode == Lines && now.Sub(t.shown) >= Every {
		t.shown = now
		t.board.printf("%s: %s\n", t.name, t.counts(now))
	}
}

// End ends the task and says how. Further calls do nothing.
func (t *Task) End(result string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return
	}
	t.ended = true
	if t.bar != nil {
		// A bar that is not full is left as it is: the work stopped there.
		if t.total > 0 && t.done >= t.total {
			t.bar.SetTotal(t.total, true)
		} else {
			t.bar.Abort(false)
		}
	}
	if t.board.mode == Lines {
		now := t.board.now()
		if t.unit != "" {
			result += ", " + t.counts(now)
		}
		t.board.printf("%s: %s in %s\n", t.name, result, now.Sub(t.began).Round(10*time.Millisecond))
	}
}

// counts renders how far the task is and how fast it went; t.mu is held.
func (t *Task) counts(now time.Time) string {
	counts := fmt.Sprintf("%d %s", t.done, t.unit)
	if t.total > 0 {
		counts = fmt.Sprintf("%d of %d %s (%d%%)", t.done, t.total, t.unit, 100*t.done/t.total)
	}
	if note := t.note.Load(); note != nil {
		if *note != "" {
			counts += ", " + *note
		}
		return counts
	}
	if took := now.Sub(t.began); t.total > 0 && took >= shortest {
		counts += ", " + rate(t.done, took)
	}
	return counts
}

// speed renders the rate for a bar. The bar's own goroutine calls it, so it must
// not take t.mu, which may be held by an update that waits for that goroutine.
func (t *Task) speed(s decor.Statistics) string {
	if note := t.note.Load(); note != nil {
		return " " + *note
	}
	if !t.still {
		t.last = " " + rate(s.Current, t.board.now().Sub(t.began))
		t.still = s.Completed || s.Aborted
	}
	return t.last
}

// shortest is the time from which a rate means something.
const shortest = 10 * time.Millisecond

// rate renders how many a second.
func rate(n int64, d time.Duration) string {
	if d < shortest {
		return "0/s"
	}
	return fmt.Sprintf("%.0f/s", float64(n)/d.Seconds())
}

// printf writes a line. Progress that cannot be shown is no reason to stop.
func (b *Board) printf(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, _ = fmt.Fprintf(b.w, format, args...)
}

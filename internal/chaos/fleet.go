package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// restartAfter is how long a supervisor waits before it starts a worker anew.
	restartAfter = 200 * time.Millisecond
	// grace is that of the workers: a busy machine must not have them end with an error.
	grace = time.Minute
	// stopWithin is how long a worker may take to end when it is asked to.
	stopWithin = grace + 15*time.Second
)

// exitUnavailable is the worker's exit code when a service does not answer.
const exitUnavailable = 5

// fleet is the workers. Whatever ends one, it is started again, as a supervisor does.
type fleet struct {
	command []string
	env     []string
	slots   []*slot

	mu   sync.Mutex
	wish bool // they are to run
	wg   sync.WaitGroup
}

// launch says how a process is another than usual: another program, and more in its
// environment. doomed says that it will kill itself.
type launch struct {
	program string
	env     []string
	doomed  bool
}

// slot is one worker after another.
type slot struct {
	log string

	mu      sync.Mutex
	process *process
	starts  int
	killed  bool // the present one was killed by us
	logged  int  // where in the log it begins
	// next says how the next process is another than usual.
	next launch
	// ended counts how workers ended that were not killed, by exit code. One that finds
	// a service down when it starts, and says so, does not count.
	ended map[int]int
}

func newFleet(n int, logs string, env []string, command ...string) *fleet {
	f := &fleet{command: command, env: env}
	for i := range n {
		f.slots = append(f.slots, &slot{log: filepath.Join(logs, fmt.Sprintf("worker-%d.log", i+1)), ended: map[int]int{}})
	}
	return f
}

// start starts all workers and keeps them running until stop.
func (f *fleet) start() error {
	f.mu.Lock()
	f.wish = true
	f.mu.Unlock()
	for i, s := range f.slots {
		if err := f.launch(i, s); err != nil {
			return err
		}
		f.wg.Go(func() { f.supervise(i, s) })
	}
	return nil
}

func (f *fleet) launch(i int, s *slot) error {
	logged := 0
	if s.current() != nil {
		logged = len(readLog(s.log))
	}
	f.mu.Lock()
	command := slices.Clone(f.command)
	f.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next.program != "" {
		command[0] = s.next.program
	}
	p, err := startProcess(fmt.Sprint("worker ", i+1), s.log, slices.Concat(f.env, s.next.env), command...)
	if err != nil {
		return err
	}
	s.process, s.killed, s.logged, s.next = p, s.next.doomed, logged, launch{}
	s.starts++
	return nil
}

// supervise starts a worker again whenever it has ended, until that is not wished.
func (f *fleet) supervise(i int, s *slot) {
	for {
		p := s.current()
		<-p.ended
		s.mu.Lock()
		if !s.killed && !(p.code() == exitUnavailable && !s.started()) {
			s.ended[p.code()]++
		}
		s.mu.Unlock()
		time.Sleep(restartAfter)
		f.mu.Lock()
		wish := f.wish
		f.mu.Unlock()
		if !wish || f.launch(i, s) != nil {
			return
		}
	}
}

// started reports whether the present worker came as far as to take jobs. The caller
// holds mu.
func (s *slot) started() bool {
	text := readLog(s.log)
	return strings.Contains(text[min(s.logged, len(text)):], `"started"`)
}

// ready waits until another worker than the last one takes jobs.
func (s *slot) ready(ctx context.Context, last *process) bool {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); sleep(ctx, 20*time.Millisecond) {
		s.mu.Lock()
		there := s.process != last && s.started()
		s.mu.Unlock()
		if there {
			return true
		}
	}
	return false
}

// allReady waits until every worker takes jobs: one that died last has to begin anew
// first, which takes a busy machine a while.
func (f *fleet) allReady(ctx context.Context) {
	for _, s := range f.slots {
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); sleep(ctx, restartAfter) {
			if p := s.current(); s.ready(ctx, nil) && p.running() && p == s.current() {
				break
			}
		}
	}
}

// stop asks all workers to end and waits for them.
func (f *fleet) stop() error {
	f.mu.Lock()
	f.wish = false
	f.mu.Unlock()
	errs := make([]error, len(f.slots))
	var wg sync.WaitGroup
	for i, s := range f.slots {
		wg.Go(func() {
			p := s.current()
			if p == nil {
				return
			}
			_ = p.signal(syscall.SIGCONT)
			errs[i] = p.stop(stopWithin)
		})
	}
	wg.Wait()
	f.wg.Wait()
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("%w\n%s", err, tail(f.slots[i].log))
		}
	}
	return nil
}

// replace kills the worker of a slot and has it started again in another way.
func (s *slot) replace(by launch) (next *process, err error) {
	last := s.current()
	s.mu.Lock()
	s.next = by
	s.mu.Unlock()
	s.kill()
	for deadline := time.Now().Add(startWithin); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if p := s.current(); p != last {
			return p, nil
		}
	}
	return nil, fmt.Errorf("nobody started %s again", last.name)
}

// kill kills the worker of a slot; it is started again.
func (s *slot) kill() {
	s.mu.Lock()
	p := s.process
	s.killed = true
	s.mu.Unlock()
	p.kill()
}

func (s *slot) current() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

// exits returns how often workers ended by themselves or when asked, by exit code,
// and how many were started.
func (f *fleet) exits() (codes map[int]int, starts int) {
	codes = map[int]int{}
	for _, s := range f.slots {
		s.mu.Lock()
		for code, n := range s.ended {
			codes[code] += n
		}
		starts += s.starts
		s.mu.Unlock()
	}
	return codes, starts
}

// addresses returns where the workers serve HTTP.
func (f *fleet) addresses() []string {
	var all []string
	for _, s := range f.slots {
		last := ""
		for line := range strings.Lines(readLog(s.log)) {
			var l struct{ HTTP string }
			if json.Unmarshal([]byte(line), &l) == nil && l.HTTP != "" {
				last = l.HTTP
			}
		}
		if last != "" {
			all = append(all, "http://"+last)
		}
	}
	return all
}

func readLog(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// tail returns the end of a log.
func tail(path string) string {
	const most = 4 << 10
	text := readLog(path)
	return text[max(0, len(text)-most):]
}

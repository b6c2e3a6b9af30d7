package scale

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// tail is how many of a worker's last lines an error shows.
const tail = 5

// endWait is how long a worker may take to end before it is killed.
const endWait = 30 * time.Second

// child is a process that was started here.
type child struct {
	cmd     *exec.Cmd
	reading sync.WaitGroup
	started chan struct{} // closed when it has said what it was waited for
	ended   chan struct{} // closed when it has ended

	mu   sync.Mutex
	last []string
	err  error
}

// startChild starts a process and reads its lines until it ends. said is what it says
// when it is ready.
func startChild(program string, args []string, said string) (*child, error) {
	c := &child{cmd: exec.Command(program, args...), started: make(chan struct{}), ended: make(chan struct{})}
	c.cmd.Env = environment()
	// A signal from the terminal is for the process that measures; it ends the others in order.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := c.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s %s: %w", program, args[0], err)
	}
	c.reading.Go(func() {
		c.read(out, said)
		err := c.cmd.Wait()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.err = err
		close(c.ended)
	})
	return c, nil
}

// environment is that of this process without settings of the program: they are for the
// command that measures.
func environment() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "SPECSTAR_") {
			env = append(env, e)
		}
	}
	return env
}

func (c *child) read(r io.Reader, said string) {
	lines, ready := bufio.NewScanner(r), false
	for lines.Scan() {
		line := lines.Text()
		if !ready && strings.Contains(line, said) {
			ready = true
			close(c.started)
		}
		c.mu.Lock()
		c.last = append(c.last, line)
		c.last = c.last[max(len(c.last)-tail, 0):]
		c.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, r) // a line that is too long must not stop it
}

// await waits until the process is ready.
func (c *child) await(ctx context.Context) error {
	select {
	case <-c.started:
		return nil
	case <-c.ended:
		return c.failure("it ended")
	case <-ctx.Done():
		return c.failure("it is not ready in time")
	}
}

func (c *child) failure(what string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Errorf("%s: %s: %s", strings.Join(c.cmd.Args[:2], " "), what, strings.Join(c.last, "; "))
}

// pid is the process.
func (c *child) pid() int { return c.cmd.Process.Pid }

// stop ends the process and waits for it.
func (c *child) stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-c.ended:
	case <-time.After(endWait):
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
	c.reading.Wait()
	if c.err != nil {
		return c.failure(c.err.Error())
	}
	return nil
}

// fleet is the workers of one measurement.
type fleet struct {
	program string
	global  []string // flags that all commands have
	workers []*child
}

// startFleet starts n workers with their own flags and those of all commands, in
// directories of their own, and waits until all consume.
func startFleet(ctx context.Context, n int, program, dir string, own, global []string) (*fleet, error) {
	f := &fleet{program: program, global: global}
	for i := range n {
		args := slices.Concat([]string{"run", "--listen", "off", "--log-level", "info", "--data", filepath.Join(dir, fmt.Sprint("data", i))}, own, global)
		c, err := startChild(program, args, `"started"`)
		if err != nil {
			return nil, errors.Join(err, f.stop())
		}
		f.workers = append(f.workers, c)
	}
	for _, c := range f.workers {
		if err := c.await(ctx); err != nil {
			return nil, errors.Join(err, f.stop())
		}
	}
	return f, nil
}

func (f *fleet) pids() []int {
	var pids []int
	for _, c := range f.workers {
		pids = append(pids, c.pid())
	}
	return pids
}

// submit submits the load of a file and returns the id of the job.
func (f *fleet) submit(ctx context.Context, file, dir string) (string, error) {
	args := append([]string{"submit", "load", "file:" + file, "--on-duplicate", "overwrite", "-o", "json", "--data", filepath.Join(dir, "submit")}, f.global...)
	cmd := exec.CommandContext(ctx, f.program, args...)
	cmd.Env = environment()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("submit a load: %w: %s%s", err, out.Bytes(), errs.Bytes())
	}
	var receipt struct {
		JobID string `json:"job_id"`
	}
	if err := json.Unmarshal(out.Bytes(), &receipt); err != nil {
		return "", fmt.Errorf("submit a load: %w", err)
	}
	return receipt.JobID, nil
}

// stop ends the workers.
func (f *fleet) stop() error {
	var ending sync.WaitGroup
	errs := make([]error, len(f.workers))
	for i, c := range f.workers {
		ending.Go(func() { errs[i] = c.stop() })
	}
	ending.Wait()
	return errors.Join(errs...)
}

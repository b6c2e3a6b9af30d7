package pypeer

import (
	"bufio"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

//go:embed py/*.py
var scripts embed.FS

// callTimeout bounds one request. The longest, a load of a benchmark's archive,
// takes seconds.
const callTimeout = 2 * time.Minute

// Peer is a running Python process with the original. Its methods may be called
// by several goroutines; requests are served one after another.
type Peer struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	errors tail
	dir    string

	mu   sync.Mutex
	apps int
	dead error
}

// Open starts a peer. It ends when ctx does, or with [Peer.Close].
func Open(ctx context.Context) (*Peer, error) {
	at, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	python, err := interpreter(at)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pypeer")
	if err != nil {
		return nil, err
	}
	p := &Peer{dir: dir}
	if err := p.start(ctx, python); err != nil {
		return nil, errors.Join(fmt.Errorf("start the Python peer: %w", err), os.RemoveAll(dir))
	}
	return p, nil
}

func (p *Peer) start(ctx context.Context, python string) error {
	src, err := fs.Sub(scripts, "py")
	if err != nil {
		return err
	}
	if err := os.CopyFS(p.dir, src); err != nil {
		return err
	}
	p.cmd = exec.CommandContext(ctx, python, "-B", filepath.Join(p.dir, "main.py"))
	// The library reads the default limit of queries from the environment.
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "TZ=UTC", "PYTHONHASHSEED=0", "LC_ALL=C.UTF-8"}
	p.cmd.Stderr = &p.errors
	p.cmd.WaitDelay = 5 * time.Second
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	p.out = bufio.NewReaderSize(out, 1<<20)
	return p.cmd.Start()
}

// Close ends the process and removes its files.
func (p *Peer) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead == nil {
		p.dead = errors.New("the Python peer was closed")
	}
	err := errors.Join(p.in.Close(), p.cmd.Wait())
	return errors.Join(err, os.RemoveAll(p.dir))
}

// Errors returns the end of what the process wrote to its standard error:
// tracebacks of failed requests, warnings of the library.
func (p *Peer) Errors() string { return p.errors.String() }

// Call sends one request and decodes the result into result, unless it is nil.
// An exception in the original is returned as an error.
func (p *Peer) Call(op string, args map[string]any, result any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead != nil {
		return p.dead
	}
	req := map[string]any{"op": op}
	for k, v := range args {
		req[k] = v
	}
	line, err := json.Marshal(req)
	if err != nil {
		return fmt.Errorf("python %s: %w", op, err)
	}
	stop := time.AfterFunc(callTimeout, func() { _ = p.cmd.Process.Kill() })
	defer stop.Stop()
	answer, err := p.exchange(append(line, '\n'))
	if err != nil {
		p.dead = fmt.Errorf("python %s: the peer died: %w\n%s", op, err, p.errors.String())
		return p.dead
	}
	return answer.decode(op, result)
}

func (p *Peer) exchange(line []byte) (answer, error) {
	if _, err := p.in.Write(line); err != nil {
		return answer{}, err
	}
	b, err := p.out.ReadBytes('\n')
	if err != nil {
		return answer{}, err
	}
	var a answer
	err = json.Unmarshal(b, &a)
	return a, err
}

// name returns a fresh name for an app.
func (p *Peer) name() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.apps++
	return "app" + strconv.Itoa(p.apps)
}

// answer is one line of the process.
type answer struct {
	Result json.RawMessage `json:"result"`
	Error  string          `json:"error"`
}

func (a answer) decode(op string, result any) error {
	if a.Error != "" {
		return fmt.Errorf("python %s: %s", op, a.Error)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(a.Result, result); err != nil {
		return fmt.Errorf("python %s: decode the answer: %w", op, err)
	}
	return nil
}

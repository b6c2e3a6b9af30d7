package pgtest

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed supervise.sh
var supervise string

// endTimeout is how long a server may take to end; it writes a checkpoint first.
const endTimeout = time.Minute

// process is a running server and the shell that watches over it: the shell ends
// the server when we are gone.
type process struct {
	shell *exec.Cmd
	in    io.WriteCloser
	pid   int
	ended chan struct{} // closed when the server has ended
	how   error         // valid then
}

// startProcess starts a command in dir; its output is added to the file log there.
func startProcess(as *syscall.Credential, dir string, command ...string) (*process, error) {
	p := &process{ended: make(chan struct{})}
	p.shell = exec.Command("/bin/sh", append([]string{"-c", supervise, "supervise", dir}, command...)...)
	p.shell.Dir = dir
	p.shell.Env = environment()
	// A group of its own: an interrupt at the terminal is for us.
	p.shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as}
	var err error
	if p.in, err = p.shell.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.shell.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.shell.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		p.pid, err = strconv.Atoi(strings.TrimSpace(line))
	}
	go func() {
		defer close(p.ended)
		p.how = p.shell.Wait()
	}()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", command[0], err), p.end("QUIT"))
	}
	return p, nil
}

// end signals the server and waits until it has ended; it may have ended before.
func (p *process) end(signal string) error {
	// The shell is gone when the server is; then there is nobody to tell.
	_, _ = io.WriteString(p.in, signal+"\n")
	defer p.in.Close()
	select {
	case <-p.ended:
		return nil
	case <-time.After(endTimeout):
	}
	err := syscall.Kill(-p.shell.Process.Pid, syscall.SIGKILL)
	<-p.ended
	return errors.Join(fmt.Errorf("the server did not end in %s and was killed", endTimeout), err)
}

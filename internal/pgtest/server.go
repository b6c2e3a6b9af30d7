package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// superuser is that of every cluster; it needs no password.
	superuser = "worker"
	// port is only a part of the socket's name.
	port = "5432"
	// startTimeout bounds a start, recovery included.
	startTimeout = 2 * time.Minute
	// logTail is how much of the server's log an error shows, in bytes.
	logTail = 4 << 10
)

// Mode says how a server is ended.
type Mode string

// The modes.
const (
	// Fast ends all sessions, rolls back and writes everything: a planned stop.
	Fast Mode = "fast"
	// Immediate ends at once and leaves the rest to recovery, as a crash would.
	Immediate Mode = "immediate"
)

func (m Mode) signal() string {
	if m == Immediate {
		return "QUIT"
	}
	return "INT"
}

// Server is a running cluster. It is not for several goroutines at once, except
// for [Server.DSN], [Server.CreateDatabase] and [Server.DropDatabase].
type Server struct {
	options Options
	bin     string
	as      *syscall.Credential
	dir     string
	lock    *os.File
	process *process
}

// Start makes a cluster and starts it. ctx bounds the start alone: the caller
// stops the server with [Server.Stop]. The error says what is missing, or shows
// the end of the server's log.
func Start(ctx context.Context, o Options) (*Server, error) {
	s, err := start(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("start a PostgreSQL for tests: %w", err)
	}
	return s, nil
}

func start(ctx context.Context, o Options) (*Server, error) {
	s := &Server{options: o, bin: o.Bin}
	var err error
	if s.bin == "" {
		if s.bin, err = Binaries(); err != nil {
			return nil, err
		}
	}
	if s.as, err = account(); err != nil {
		return nil, err
	}
	// What cannot be removed now is no reason to fail this test; the next one
	// tries again.
	_ = reap(os.TempDir())
	if s.dir, s.lock, err = makeDirectory(s.as); err != nil {
		return nil, err
	}
	if s.bin, err = within(s.dir, s.bin, s.as); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	if err := s.initialise(ctx); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	if err := s.run(ctx); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

// initialise makes the data directory.
func (s *Server) initialise(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), s.options.initArguments(s.data())...)
	cmd.Dir, cmd.Env = s.dir, environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.as}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// errOldSessions reports sessions of a killed server that have not yet noticed;
// they do within moments.
var errOldSessions = errors.New("sessions of the last server are still there")

// run starts the server process and waits until it answers.
func (s *Server) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := s.runOnce(ctx)
		if !errors.Is(err, errOldSessions) || ctx.Err() != nil {
			return err
		}
	}
}

func (s *Server) runOnce(ctx context.Context) error {
	before := len(s.log())
	command := append([]string{filepath.Join(s.bin, "postgres")}, s.options.arguments(s.data(), s.dir)...)
	p, err := startProcess(s.as, s.dir, command...)
	if err != nil {
		return err
	}
	for {
		err := s.ping(ctx)
		if err == nil {
			s.process = p
			return nil
		}
		select {
		case <-p.ended:
			if strings.Contains(s.log()[before:], "pre-existing shared memory block") {
				return errOldSessions
			}
			return fmt.Errorf("the server ended (%v):\n%s", p.how, s.Log())
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("the server does not answer: %w\n%s", err, s.Log()), p.end("QUIT"))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s *Server) ping(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// Stop ends the server and removes its files. It may be called again.
func (s *Server) Stop(m Mode) error {
	return errors.Join(s.halt(m), s.remove())
}

// Restart ends the server, unless it has ended by itself, and starts it anew with
// the same data. Connections break.
func (s *Server) Restart(ctx context.Context, m Mode) error {
	if err := s.halt(m); err != nil {
		return fmt.Errorf("restart PostgreSQL: %w", err)
	}
	if err := s.run(ctx); err != nil {
		return fmt.Errorf("restart PostgreSQL: %w", err)
	}
	return nil
}

// Halt ends the server, unless it has ended by itself, and leaves its files.
func (s *Server) Halt(m Mode) error {
	if err := s.halt(m); err != nil {
		return fmt.Errorf("halt PostgreSQL: %w", err)
	}
	return nil
}

// Resume starts a server anew that was halted, with the same data.
func (s *Server) Resume(ctx context.Context) error {
	if err := s.run(ctx); err != nil {
		return fmt.Errorf("resume PostgreSQL: %w", err)
	}
	return nil
}

// halt ends the server and leaves its files.
func (s *Server) halt(m Mode) error {
	if s.process == nil {
		return nil
	}
	p := s.process
	s.process = nil
	return p.end(m.signal())
}

// remove deletes the files of a server that has ended.
func (s *Server) remove() error {
	return errors.Join(os.RemoveAll(s.dir), s.closeLock())
}

func (s *Server) closeLock() error {
	if s.lock == nil {
		return nil
	}
	f := s.lock
	s.lock = nil
	return f.Close()
}

// DSN returns the address of a database as the superuser, a URL that libpq
// understands as well.
func (s *Server) DSN(database string) string {
	return "postgres://" + superuser + "@/" + url.PathEscape(database) +
		"?" + url.Values{"host": {s.dir}, "port": {port}}.Encode()
}

// PID returns the process id of the server; 0 when it is stopped.
func (s *Server) PID() int {
	if s.process == nil {
		return 0
	}
	return s.process.pid
}

// Dir returns the directory of the cluster: the socket, the log and, in data, the
// database files.
func (s *Server) Dir() string { return s.dir }

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// Log returns the end of what the server wrote to its log.
func (s *Server) Log() string {
	all := s.log()
	return all[max(0, len(all)-logTail):]
}

func (s *Server) log() string {
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err.Error()
	}
	return string(b)
}

// environment is what the programs of PostgreSQL get to see: nothing of ours
// may steer them.
func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
}

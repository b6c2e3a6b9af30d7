// Package natsd runs a nats-server with JetStream inside this process: the queue
// of a worker that was given none.
package natsd

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// DefaultMaxStore bounds the files of all streams together, in bytes.
const DefaultMaxStore = 16 << 30

// readyTimeout is how long a server may take to read its streams.
const readyTimeout = 30 * time.Second

// Options refine [Start].
type Options struct {
	// Listen opens a random port on the loopback address, with a random token, so
	// that other processes can connect. Otherwise only this process can.
	Listen bool
	// MaxStore bounds the files of all streams, in bytes; 0 means [DefaultMaxStore].
	MaxStore int64
	// MaxPayload bounds one message, in bytes; 0 means 1 MiB.
	MaxPayload int32
}

// Server is a running nats-server.
type Server struct {
	server *server.Server
	token  string
	listen bool
}

// Start starts a server whose streams live in dir, which is made when it is not
// there. Every message is on disk before it is acknowledged. The error names the
// directory when it cannot be used.
func Start(dir string, o Options) (*Server, error) {
	if err := prepare(dir); err != nil {
		return nil, fmt.Errorf("queue directory %s: %w%s", dir, err, help(err))
	}
	if o.MaxStore <= 0 {
		o.MaxStore = DefaultMaxStore
	}
	if o.MaxPayload <= 0 {
		o.MaxPayload = 1 << 20
	}
	token := rand.Text()
	ns, err := server.NewServer(&server.Options{
		ServerName: "specstar-worker",
		Host:       "127.0.0.1", Port: server.RANDOM_PORT, DontListen: !o.Listen,
		Authorization: token,
		JetStream:     true, StoreDir: dir, SyncAlways: true,
		JetStreamMaxStore: o.MaxStore, JetStreamMaxMemory: 64 << 20,
		MaxPayload: o.MaxPayload,
		NoLog:      true, NoSigs: true,
	})
	if err != nil {
		return nil, fmt.Errorf("queue directory %s: %w", dir, err)
	}
	log := &keepErrors{}
	ns.SetLogger(log, false, false)
	ns.Start()
	if !ns.ReadyForConnections(readyTimeout) || !ns.JetStreamEnabled() {
		ns.Shutdown()
		ns.WaitForShutdown()
		return nil, fmt.Errorf("start queue in %s: %w", dir, log.reason())
	}
	return &Server{server: ns, token: token, listen: o.Listen}, nil
}

// URL returns the address that other processes connect to, "nats://127.0.0.1:PORT";
// empty when the server does not listen.
func (s *Server) URL() string {
	if !s.listen {
		return ""
	}
	return s.server.ClientURL()
}

// Token returns the secret that a connection must present.
func (s *Server) Token() string { return s.token }

// Connect returns a connection inside this process, without a socket. The caller
// closes it.
func (s *Server) Connect(opts ...nats.Option) (*nats.Conn, error) {
	all := append([]nats.Option{nats.InProcessServer(s.server), nats.Token(s.token), nats.MaxReconnects(-1)}, opts...)
	nc, err := nats.Connect("", all...)
	if err != nil {
		return nil, fmt.Errorf("connect to the queue in this process: %w", err)
	}
	return nc, nil
}

// Shutdown stops the server and returns when its files are closed. It may be
// called again.
func (s *Server) Shutdown() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}

// prepare makes dir and proves that files can be written there: the server
// itself would only log that they cannot.
func prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	name := f.Name()
	_, err = f.WriteString("probe")
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(filepath.Clean(name)))
}

// help says what can be done about an error of [prepare].
func help(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ": free space there or choose another directory"
	case errors.Is(err, fs.ErrPermission):
		return ": check its permissions or choose another directory"
	case errors.Is(err, syscall.ENOTDIR):
		return ": there is a file in the way"
	}
	return ""
}

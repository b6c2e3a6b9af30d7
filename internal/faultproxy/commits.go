package faultproxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
)

// Commits stands between clients and a PostgreSQL on a unix socket, and breaks
// connections in COMMIT. Its fields are set before anybody connects, or while nobody
// commits.
type Commits struct {
	// OnCommit is asked when a client sends COMMIT, or what the server waits for before
	// it comes to a COMMIT that was sent: false loses it.
	OnCommit func() bool
	// OnCommitted is asked when the server has answered that: false loses the answer.
	OnCommitted func() bool
	// Held is waited for before either side learns that its connection is broken.
	Held sync.RWMutex
	// Cuts counts the connections that were broken.
	Cuts atomic.Int64

	target, dir string
	listener    net.Listener
	wg          sync.WaitGroup
}

// StartCommits returns a proxy before a server, and the address of a database there
// that leads through it. dsn is a URL with the directory of the server's socket as host.
func StartCommits(dsn string) (p *Commits, through string, err error) {
	at, err := url.Parse(dsn)
	if err != nil {
		return nil, "", err
	}
	query := at.Query()
	dir, err := os.MkdirTemp("", "proxy-")
	if err != nil {
		return nil, "", err
	}
	name := ".s.PGSQL." + query.Get("port")
	p = &Commits{target: filepath.Join(query.Get("host"), name), dir: dir}
	if p.listener, err = net.Listen("unix", filepath.Join(dir, name)); err != nil {
		return nil, "", fmt.Errorf("start a proxy: %w", errors.Join(err, os.RemoveAll(dir)))
	}
	p.wg.Go(func() {
		for {
			client, err := p.listener.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(client) })
		}
	})
	query.Set("host", dir)
	at.RawQuery = query.Encode()
	return p, at.String(), nil
}

// Socket returns the path of the socket that the proxy listens at.
func (p *Commits) Socket() string { return p.listener.Addr().String() }

// Close takes no more connections and waits for the end of those that there are.
func (p *Commits) Close() error {
	_ = p.listener.Close() // closed twice is closed
	p.wg.Wait()
	return os.RemoveAll(p.dir)
}

// serve carries one connection until either side ends it, or a COMMIT is lost.
func (p *Commits) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", p.target)
	if err != nil {
		return
	}
	answers := make(chan struct{})
	go func() {
		defer close(answers)
		cut := carry(server, client, func(kind byte, body string) bool {
			return kind == 'C' && body == "COMMIT\x00" && p.OnCommitted != nil && !p.OnCommitted()
		})
		if cut {
			p.Cuts.Add(1)
		}
		p.Held.RLock()
		defer p.Held.RUnlock()
		_ = client.Close()
	}()
	if err := carryOne(client, server); err == nil { // the first message has no kind
		var sent commitSent
		cut := carry(client, server, func(kind byte, body string) bool {
			return sent.by(kind, body) && p.OnCommit != nil && !p.OnCommit()
		})
		if cut {
			p.Cuts.Add(1)
			p.Held.RLock()
			defer p.Held.RUnlock()
			_ = client.Close()
		}
	}
	_ = server.Close()
	<-answers
}

// commitSent tells when a client has sent all that the server needs to come to COMMIT.
type commitSent struct {
	rows int // of how many COPYs are still to end
}

// by takes the next message. COMMIT may be alone, or behind COPYs in one message: the
// last of them ends with their rows.
func (c *commitSent) by(kind byte, body string) bool {
	switch {
	case kind == 'Q' && strings.HasSuffix(body, "COMMIT\x00"):
		c.rows = strings.Count(body, "FROM STDIN")
		return c.rows == 0
	case kind == 'c' && c.rows > 0:
		c.rows--
		return c.rows == 0
	}
	return false
}

// carry copies messages until the connection ends, or stop says that this one and
// all that follow are lost.
func carry(from io.Reader, to io.Writer, stop func(kind byte, body string) bool) bool {
	head := make([]byte, 5)
	for {
		if _, err := io.ReadFull(from, head); err != nil {
			return false
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return false
		}
		if stop(head[0], string(body)) {
			return true
		}
		if _, err := to.Write(append(head[:5:5], body...)); err != nil {
			return false
		}
	}
}

// carryOne copies a message that has a length alone.
func carryOne(from io.Reader, to io.Writer) error {
	head := make([]byte, 4)
	if _, err := io.ReadFull(from, head); err != nil {
		return err
	}
	body := make([]byte, binary.BigEndian.Uint32(head)-4)
	if _, err := io.ReadFull(from, body); err != nil {
		return err
	}
	_, err := to.Write(append(head, body...))
	return err
}

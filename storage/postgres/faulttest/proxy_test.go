package faulttest

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between clients and the server and breaks connections in COMMIT.
type proxy struct {
	target string
	// OnCommit is asked when a client sends COMMIT: false loses it.
	OnCommit func() bool
	// OnCommitted is asked when the server has answered that: false loses the answer.
	OnCommitted func() bool
	// Held is waited for before either side learns that its connection is broken.
	Held sync.RWMutex
	cuts atomic.Int64
	wg   sync.WaitGroup
}

// startProxy returns a proxy before a server, and the address of a database there.
func startProxy(t *testing.T, dsn string) (*proxy, string) {
	t.Helper()
	at, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	query := at.Query()
	dir, err := os.MkdirTemp("", "proxy-")
	if err != nil {
		t.Fatal(err)
	}
	name := ".s.PGSQL." + query.Get("port")
	p := &proxy{target: filepath.Join(query.Get("host"), name)}
	l, err := net.Listen("unix", filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	p.wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.wg.Wait()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	query.Set("host", dir)
	at.RawQuery = query.Encode()
	return p, at.String()
}

// serve carries one connection until either side ends it, or a COMMIT is lost.
func (p *proxy) serve(client net.Conn) {
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
			p.cuts.Add(1)
		}
		p.Held.RLock()
		defer p.Held.RUnlock()
		_ = client.Close()
	}()
	if err := carryOne(client, server); err == nil { // the first message has no kind
		cut := carry(client, server, func(kind byte, body string) bool {
			return kind == 'Q' && body == "COMMIT\x00" && p.OnCommit != nil && !p.OnCommit()
		})
		if cut {
			p.cuts.Add(1)
			p.Held.RLock()
			defer p.Held.RUnlock()
			_ = client.Close()
		}
	}
	_ = server.Close()
	<-answers
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

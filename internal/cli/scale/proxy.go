package scale

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// What a client sends before its first message.
const (
	askTLS     = 80877103
	askGSS     = 80877104
	firstBytes = 8
)

// port is that in the name of the proxy's socket.
const port = "5432"

// traffic is what went over the wire to PostgreSQL. Round trips are the times that a
// client waited for all it had asked for, statements are those that were executed,
// Transactions those that ended.
type traffic struct {
	RoundTrips, Statements, Transactions int64
}

// minus returns what passed since, for each of so many.
func (t traffic) minus(o traffic, each float64) Wire {
	return Wire{
		Statements:   float64(t.Statements-o.Statements) / each,
		RoundTrips:   float64(t.RoundTrips-o.RoundTrips) / each,
		Transactions: float64(t.Transactions-o.Transactions) / each,
	}
}

// proxy stands between workers and a PostgreSQL, counts, and makes the end of each
// transaction take longer, as a database further away or one that waits for a replica.
type proxy struct {
	dir, network, address string
	listener              net.Listener
	delay                 time.Duration
	carrying              sync.WaitGroup
	ended                 chan struct{}
	closing               sync.Once

	roundTrips, statements, transactions atomic.Int64

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// startProxy starts a proxy before a server, on a socket in a directory of its own.
func startProxy(network, address string, delay time.Duration) (*proxy, error) {
	dir, err := os.MkdirTemp("", "scale-*")
	if err != nil {
		return nil, fmt.Errorf("start a proxy: %w", err)
	}
	p := &proxy{dir: dir, network: network, address: address, delay: delay, ended: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	if p.listener, err = net.Listen("unix", filepath.Join(dir, ".s.PGSQL."+port)); err != nil {
		return nil, errors.Join(fmt.Errorf("start a proxy: %w", err), os.RemoveAll(dir))
	}
	p.carrying.Go(func() {
		for {
			client, err := p.listener.Accept()
			if err != nil {
				return
			}
			p.carrying.Go(func() { p.serve(client) })
		}
	})
	return p, nil
}

// traffic returns what has passed so far.
func (p *proxy) traffic() traffic {
	return traffic{p.roundTrips.Load(), p.statements.Load(), p.transactions.Load()}
}

// Close ends all connections and waits until nothing is carried any more. It may be
// called again.
func (p *proxy) Close() (err error) {
	p.closing.Do(func() {
		close(p.ended)
		err = p.listener.Close()
		p.mu.Lock()
		for c := range p.conns {
			_ = c.Close() // it may have ended by itself
		}
		p.mu.Unlock()
		p.carrying.Wait()
		err = errors.Join(err, os.RemoveAll(p.dir))
	})
	return err
}

// keep has a connection closed with the proxy, and reports whether that runs yet.
func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.ended:
		return false
	default:
		p.conns[c] = struct{}{}
		return true
	}
}

func (p *proxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// serve carries one connection to its end.
func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial(p.network, p.address)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.keep(client) || !p.keep(server) {
		return
	}
	defer p.drop(client)
	defer p.drop(server)
	var up sync.WaitGroup
	up.Go(func() {
		_ = p.up(client, server) // the connection has ended, whatever it says
		_ = server.Close()
	})
	_ = p.down(server, client)
	_ = client.Close()
	up.Wait()
}

// up carries what the client sends.
func (p *proxy) up(client, server net.Conn) error {
	from, to := bufio.NewReaderSize(client, 64<<10), bufio.NewWriterSize(server, 64<<10)
	if err := first(from, to, client); err != nil {
		return err
	}
	for {
		head, err := from.Peek(1)
		if err != nil {
			return err
		}
		switch head[0] { // before it can be answered
		case 'Q': // a simple query is both
			p.statements.Add(1)
			p.roundTrips.Add(1)
		case 'E':
			p.statements.Add(1)
		case 'S':
			p.roundTrips.Add(1)
		}
		if err := carry(from, to); err != nil {
			return err
		}
	}
}

// first carries the message without a kind that a connection begins with. A wish for
// encryption before it is answered here: there is none on this machine.
func first(from *bufio.Reader, to *bufio.Writer, client io.Writer) error {
	for {
		head, err := from.Peek(firstBytes)
		if err != nil {
			return err
		}
		if code := binary.BigEndian.Uint32(head[4:]); code == askTLS || code == askGSS {
			if _, err := from.Discard(firstBytes); err != nil {
				return err
			}
			if _, err := client.Write([]byte{'N'}); err != nil {
				return err
			}
			continue
		}
		if _, err := io.CopyN(to, from, int64(binary.BigEndian.Uint32(head))); err != nil {
			return err
		}
		return to.Flush()
	}
}

// down carries what the server answers. What says that a transaction has ended waits.
func (p *proxy) down(server, client net.Conn) error {
	from, to := bufio.NewReaderSize(server, 64<<10), bufio.NewWriterSize(client, 64<<10)
	for ready := false; ; {
		head, err := from.Peek(6)
		if err == nil && head[0] == 'Z' && head[5] == 'I' {
			// The first one ends the greeting.
			if ready {
				p.transactions.Add(1)
				if err := p.wait(to); err != nil {
					return err
				}
			}
			ready = true
		}
		if err := carry(from, to); err != nil {
			return err
		}
	}
}

// wait waits for the delay, with what came before on its way.
func (p *proxy) wait(to *bufio.Writer) error {
	if p.delay <= 0 {
		return nil
	}
	if err := to.Flush(); err != nil {
		return err
	}
	select {
	case <-time.After(p.delay):
		return nil
	case <-p.ended:
		return net.ErrClosed
	}
}

// carry copies one message. What is there is sent when no more is waiting.
func carry(from *bufio.Reader, to *bufio.Writer) error {
	head, err := from.Peek(5)
	if err != nil {
		return err
	}
	length := 1 + int64(binary.BigEndian.Uint32(head[1:]))
	if _, err := io.CopyN(to, from, length); err != nil {
		return err
	}
	if from.Buffered() == 0 {
		return to.Flush()
	}
	return nil
}

package faultproxy

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// echo starts a server that sends back what it gets.
func echo(t *testing.T) func() (string, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	return func() (string, string) { return "tcp", l.Addr().String() }
}

func start(t *testing.T) *Proxy {
	t.Helper()
	p, err := Start(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// say sends a text and returns what comes back within d.
func say(t *testing.T, c net.Conn, text string, d time.Duration) (string, error) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		return "", err
	}
	if err := c.SetReadDeadline(time.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, len(text))
	n, err := io.ReadFull(c, b)
	return string(b[:n]), err
}

func TestWhatIsCarried(t *testing.T) {
	p := start(t)
	c := dial(t, p)
	if got, err := say(t, c, "hello", time.Minute); got != "hello" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	if n := p.Cut(); n != 1 {
		t.Errorf("%d connections were cut", n)
	}
	if _, err := say(t, c, "again", time.Minute); err == nil {
		t.Error("a connection that was cut answers")
	}
}

func TestLatency(t *testing.T) {
	p := start(t)
	p.Set(Fault{Latency: 50 * time.Millisecond})
	c, began := dial(t, p), time.Now()
	if got, err := say(t, c, "slow", time.Minute); got != "slow" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	if d := time.Since(began); d < 100*time.Millisecond {
		t.Errorf("there and back took %s", d)
	}
}

func TestAStallDelaysAndLosesNothing(t *testing.T) {
	for name, f := range map[string]Fault{"up": {StallUp: true}, "down": {StallDown: true}} {
		t.Run(name, func(t *testing.T) {
			p := start(t)
			c := dial(t, p)
			p.Set(f)
			if got, err := say(t, c, "one", 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("a stalled connection answered %q, %v", got, err)
			}
			p.Set(Fault{})
			if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 3)
			if _, err := io.ReadFull(c, b); err != nil || string(b) != "one" {
				t.Errorf("afterwards came %q, %v", b, err)
			}
		})
	}
}

func TestTheNthByteIsNotCarried(t *testing.T) {
	p := start(t)
	c := dial(t, p)
	p.Set(Fault{CutAfter: 8})
	if got, err := say(t, c, "12345", time.Minute); got != "12345" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	if got, err := say(t, c, "67890", time.Minute); got != "67" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v; want what comes before the 8th byte", got, err)
	}
}

func TestRefused(t *testing.T) {
	p := start(t)
	p.Set(Fault{Refuse: true})
	if got, err := say(t, dial(t, p), "x", time.Minute); err == nil {
		t.Errorf("a refused connection answered %q", got)
	}
	p.Set(Fault{})
	if got, err := say(t, dial(t, p), "x", time.Minute); got != "x" || err != nil {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

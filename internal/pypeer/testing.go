package pypeer

import "testing"

// Start starts a peer for a test. The peer ends with the test; its errors are
// shown when the test fails. A missing environment fails the test.
func Start(t testing.TB) *Peer {
	t.Helper()
	p, err := Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The process was told to end when the test's context did, so how it
		// ended says nothing.
		_ = p.Close()
		if t.Failed() {
			t.Logf("standard error of the Python peer:\n%s", p.Errors())
		}
	})
	return p
}

// MustNew makes an app for a test.
func (p *Peer) MustNew(t testing.TB, c Config) *App {
	t.Helper()
	a, err := p.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// MustState returns everything an app holds, for a test.
func (a *App) MustState(t testing.TB) State {
	t.Helper()
	s, err := a.State()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

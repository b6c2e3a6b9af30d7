package postgres

import "testing"

// TestEncoderPanicsWhereItIsWaitedFor: a record that no code is ready for fails its
// unit of work and does not end the process, and what comes behind it is filled.
func TestEncoderPanicsWhereItIsWaitedFor(t *testing.T) {
	var e encoder
	bad := e.add(func() *copyRows { panic("bad") })
	good := e.add(func() *copyRows { return &copyRows{b: []byte("good")} })
	e.start()
	e.wait()
	if got := string(good.get().b); got != "good" {
		t.Errorf("the second buffer holds %q", got)
	}
	defer func() {
		if got := recover(); got != "bad" {
			t.Errorf("recovered %v", got)
		}
	}()
	bad.get()
	t.Error("the panic was lost")
}

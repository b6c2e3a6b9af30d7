package caught_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/internal/caught"
)

func TestAPanicIsAnError(t *testing.T) {
	var none []int
	err := caught.Guard(func() error { return errors.New(string(rune(none[1]))) })()
	p, ok := errors.AsType[*caught.PanicError](err)
	if !ok || !strings.Contains(p.Error(), "index out of range") || !strings.Contains(string(p.Stack), "TestAPanicIsAnError") {
		t.Fatalf("%v", err)
	}
	if err = caught.Call(func() error { panic(strings.Repeat("x", 1000)) }); len(err.Error()) > 250 {
		t.Fatalf("%d bytes", len(err.Error()))
	}
}

func TestOtherErrorsPass(t *testing.T) {
	want := errors.New("no")
	if err := caught.Call(func() error { return want }); err != want {
		t.Fatal(err)
	}
	if err := caught.Call(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
}

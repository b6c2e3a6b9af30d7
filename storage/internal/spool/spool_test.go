package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/specstar-worker/worker/resource"
)

func TestContentIsWhatWasRead(t *testing.T) {
	for _, size := range []int{0, 1, 99, 100, 101, 5000} {
		want := bytes.Repeat([]byte{'x'}, size)
		c, err := Read(t.Context(), iotest.HalfReader(bytes.NewReader(want)), 100, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if c.Size() != int64(size) || c.Hash() != resource.ContentHash(want) || c.InMemory() != (size <= 100) {
			t.Errorf("%d bytes: size %d, hash %s, in memory %t", size, c.Size(), c.Hash(), c.InMemory())
		}
		for range 2 {
			if got, err := io.ReadAll(c.Part(0, c.Size())); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes are read as %d, %v", size, len(got), err)
			}
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A source that breaks is not taken for one that ends, whatever its error wraps.
func TestBrokenSourceIsAnError(t *testing.T) {
	broken := fmt.Errorf("the connection broke: %w", io.EOF)
	for _, size := range []int{10, 1000} {
		r := io.MultiReader(strings.NewReader(strings.Repeat("x", size)), iotest.ErrReader(broken))
		if _, err := Read(t.Context(), r, 100, t.TempDir()); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", size, err)
		}
	}
}

// looking calls look when it is read.
type looking struct{ look func() }

func (l looking) Read([]byte) (int, error) { l.look(); return 0, io.EOF }

// The temporary file has no name while it is written, so that a process which is
// killed leaves none behind.
func TestTemporaryFileHasNoName(t *testing.T) {
	dir := t.TempDir()
	looked := false
	r := io.MultiReader(strings.NewReader(strings.Repeat("x", 100_000)), looking{func() {
		names, err := os.ReadDir(dir)
		looked = err == nil && len(names) == 0
	}})
	c, err := Read(t.Context(), r, 10, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !looked || c.InMemory() {
		t.Error("there is a file while the content is read")
	}
}

func TestContextEndsReading(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := io.MultiReader(strings.NewReader("x"), looking{cancel}, strings.NewReader("y"))
	if _, err := Read(ctx, r, 10, t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("reading ends with %v", err)
	}
}

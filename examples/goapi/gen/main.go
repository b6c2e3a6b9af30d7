// Gen makes the data set of package goapi: the history of Go's own API as an
// archive, from the api/go1*.txt files of any Go distribution that has the last
// release of the table or is newer. Every run writes the same bytes.
//
//	go run ./examples/goapi/gen -out examples/goapi/goapi.acbak.zst
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/specstar-worker/worker/archive"
)

func main() {
	dir := flag.String("api", "", "directory of the api files (default: that of the go command's distribution)")
	out := flag.String("out", "goapi.acbak.zst", "archive to write")
	flag.Parse()
	if err := run(*dir, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(dir, out string) (err error) {
	if dir == "" {
		if dir, err = apiDir(); err != nil {
			return err
		}
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	// One encoder goroutine, so that the bytes do not depend on the machine.
	z, err := zstd.NewWriter(f, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, z.Close()) }()
	return generate(z, dir, func(string) bool { return true })
}

// apiDir returns the api directory of the go command's distribution.
func apiDir() (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("ask the go command for its distribution: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(root)), "api"), nil
}

// generate writes the plain archive of the packages that keep accepts.
func generate(out io.Writer, dir string, keep func(pkg string) bool) error {
	h := newHistory()
	for _, r := range releases {
		es, err := readEntries(dir, r, keep)
		if err != nil {
			return err
		}
		h.add(r, es)
	}
	w := archive.NewWriter(out)
	if err := w.Write(archive.Header{Version: archive.Version}); err != nil {
		return err
	}
	for _, s := range h.sections() {
		if err := s.write(w); err != nil {
			return fmt.Errorf("write section %s: %w", s.model, err)
		}
	}
	if err := w.Write(archive.EOF{}); err != nil {
		return err
	}
	return w.Close()
}

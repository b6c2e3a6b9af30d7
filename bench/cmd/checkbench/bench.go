package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/bench/internal/items"
)

// bench is a damaged archive and the worker that is to refuse it.
type bench struct {
	dir, worker, archive string
	size                 int64
	offset               int64 // of the damaged frame
	rounds               int
}

// newBench builds the worker and makes the archive.
func newBench(ctx context.Context, dir string, resources int) (*bench, error) {
	b := &bench{dir: dir, worker: filepath.Join(dir, "worker"), archive: filepath.Join(dir, "damaged.acbak")}
	fmt.Fprintln(os.Stderr, "building the worker")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.worker, "./cmd/worker")
	cmd.Dir, cmd.Stderr = "..", os.Stderr // the worker's own module, as make bench runs in bench
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	var err error
	if b.size, err = items.Write(b.archive, resources); err != nil {
		return nil, err
	}
	return b, b.damage()
}

// tail is how much of the end of the archive is looked at for its last payload.
const tail = 8 << 10

// damage changes a byte of the last payload.
func (b *bench) damage() (err error) {
	f, err := os.OpenFile(b.archive, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	end := make([]byte, min(tail, b.size))
	from := b.size - int64(len(end))
	if _, err := f.ReadAt(end, from); err != nil {
		return err
	}
	frame := bytes.LastIndex(end, []byte("RevisionRecord"))
	payload := bytes.LastIndex(end, []byte("xxxx"))
	if frame < 0 || payload < frame {
		return errors.New("the archive does not end as expected")
	}
	if _, err := f.WriteAt([]byte("y"), from+int64(payload)); err != nil {
		return err
	}
	// In front of the tag are the length, the head of the map and the key of the tag.
	const before = 4 + 1 + 2 + 1
	b.offset = from + int64(frame) - before
	return nil
}

// round measures each way once.
func (b *bench) round(ctx context.Context, r *report) error {
	for _, way := range []struct {
		name  string
		taken func(context.Context) (float64, error)
	}{
		{sumName, b.sha256sum}, {"crypto/sha256 of Go", b.goSum}, {"worker verify", b.verify}, {"worker load", b.load},
	} {
		seconds, err := way.taken(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
		r.add(way.name, seconds)
	}
	b.rounds++
	return nil
}

func (b *bench) sha256sum(ctx context.Context) (float64, error) {
	begin := time.Now()
	err := exec.CommandContext(ctx, "sha256sum", b.archive).Run()
	return time.Since(begin).Seconds(), err
}

// goSum is what sha256sum may be elsewhere: some are built with the instructions that
// processors have for it, as Go is.
func (b *bench) goSum(context.Context) (float64, error) {
	begin := time.Now()
	f, err := os.Open(b.archive)
	if err != nil {
		return 0, err
	}
	_, err = io.CopyBuffer(sha256.New(), struct{ io.Reader }{f}, make([]byte, 1<<20))
	return time.Since(begin).Seconds(), errors.Join(err, f.Close())
}

func (b *bench) verify(ctx context.Context) (float64, error) {
	var said struct{ Problems []struct{ Offset int64 } }
	seconds, err := b.run(ctx, &said, "verify", b.archive)
	if err == nil && (len(said.Problems) != 1 || said.Problems[0].Offset != b.offset) {
		err = fmt.Errorf("it finds %+v, not byte %d", said.Problems, b.offset)
	}
	return seconds, err
}

// load loads the archive into a fresh store, which must stay empty.
func (b *bench) load(ctx context.Context) (float64, error) {
	store := fmt.Sprintf("sqlite:%s/store%d", b.dir, b.rounds)
	var said struct {
		Error struct {
			Code   string
			Offset int64
		}
	}
	seconds, err := b.run(ctx, &said, "load", b.archive, "--store", store)
	if err != nil {
		return 0, err
	}
	if said.Error.Code != archive.CodeCorrupt || said.Error.Offset != b.offset {
		return 0, fmt.Errorf("it is refused with %+v, not at byte %d", said.Error, b.offset)
	}
	var models []any
	if _, err := b.run(ctx, &models, "models", "--store", store); err != nil || len(models) != 0 {
		return 0, fmt.Errorf("the store shows %v afterwards, %w", models, err)
	}
	return seconds, nil
}

// run runs the worker and reads the document that it prints, whatever its exit code.
func (b *bench) run(ctx context.Context, document any, args ...string) (float64, error) {
	cmd := exec.CommandContext(ctx, b.worker, append(args, "-o", "json")...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	begin := time.Now()
	err := cmd.Run()
	seconds := time.Since(begin).Seconds()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		return 0, err
	}
	if err := json.Unmarshal(out.Bytes(), document); err != nil {
		return 0, fmt.Errorf("worker %s: %w: %s", args[0], err, said.String())
	}
	return seconds, nil
}

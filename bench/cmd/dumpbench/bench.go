package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/specstar-worker/worker/bench/internal/command"
	"github.com/specstar-worker/worker/bench/internal/items"
	"github.com/specstar-worker/worker/bench/internal/pgserver"
)

// bench is what is measured with: a directory, a server and builds of the worker.
type bench struct {
	dir    string
	server *pgserver.Server
	builds []build
	rounds int
}

// build is one way to dump.
type build struct {
	name    string
	program string
	env     []string
}

// ours is the name of the build that the others are compared with.
const ours = "all processors"

// newBench builds the worker of this tree.
func newBench(ctx context.Context, dir string, server *pgserver.Server, o options) (*bench, error) {
	program := filepath.Join(dir, "worker")
	fmt.Fprintln(os.Stderr, "building the worker")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "./cmd/worker")
	cmd.Dir, cmd.Stderr = "..", os.Stderr // the worker's own module, as make bench runs in bench
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	builds := []build{{name: ours, program: program}, {name: "one processor", program: program, env: []string{"GOMAXPROCS=1"}}}
	if o.before != "" {
		builds = append(builds, build{name: "before", program: o.before})
	}
	return &bench{dir: dir, server: server, builds: builds, rounds: o.rounds}, nil
}

// size measures stores of so many resources.
func (b *bench) size(ctx context.Context, n int) (rows []row, err error) {
	source := filepath.Join(b.dir, fmt.Sprintf("items%d.acbak", n))
	if _, err := items.Write(source, n); err != nil {
		return nil, err
	}
	dsn, drop, err := b.server.Database(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	for _, store := range []struct{ name, url string }{
		{"SQLite", "sqlite:" + filepath.Join(b.dir, fmt.Sprintf("sqlite%d", n))},
		{"PostgreSQL", dsn},
	} {
		data := filepath.Join(b.dir, fmt.Sprintf("data%d%s", n, store.name))
		if _, err := run(ctx, b.builds[0], "load", source, "--store", store.url, "--data", data); err != nil {
			return nil, err
		}
		r, err := b.store(ctx, store.name, store.url, n)
		if err != nil {
			return nil, fmt.Errorf("dump %d resources of %s: %w", n, store.name, err)
		}
		rows = append(rows, r...)
	}
	return rows, nil
}

// store dumps one store by every build in each round.
func (b *bench) store(ctx context.Context, name, url string, n int) ([]row, error) {
	took, client, server := make([][]float64, len(b.builds)), make([][]float64, len(b.builds)), make([][]float64, len(b.builds))
	var want [sha256.Size]byte
	for round := range b.rounds + 1 { // the first one warms up
		for i := range b.builds {
			at := (i + round) % len(b.builds)
			out := filepath.Join(b.dir, "out.acbak")
			before := b.server.CPU()
			t, err := run(ctx, b.builds[at], "dump", "--store", url, "--out", out)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", b.builds[at].name, err)
			}
			if round > 0 {
				took[at], client[at] = append(took[at], t.wall), append(client[at], t.cpu)
				server[at] = append(server[at], (b.server.CPU() - before).Seconds())
				continue
			}
			sum, err := sumOf(out)
			if err != nil {
				return nil, err
			}
			if i > 0 && sum != want {
				return nil, fmt.Errorf("%s writes other bytes", b.builds[at].name)
			}
			want = sum
		}
	}
	rows := make([]row, len(b.builds))
	for i, build := range b.builds {
		rows[i] = row{Store: name, Resources: n, Build: build.name, Seconds: command.Median(took[i])}
		rows[i].ClientCPU, rows[i].ServerCPU = command.Median(client[i])*1e6/float64(n), command.Median(server[i])*1e6/float64(n)
		rows[i].PerSecond = float64(n) / rows[i].Seconds
		for round, s := range took[i] {
			rows[i].Ratios = append(rows[i].Ratios, s/took[0][round])
		}
		rows[i].Ratio = command.Median(rows[i].Ratios)
	}
	return rows, nil
}

// taken is how long a process took, in seconds.
type taken struct{ wall, cpu float64 }

// run runs a command to its end.
func run(ctx context.Context, b build, args ...string) (taken, error) {
	cmd := exec.CommandContext(ctx, b.program, append(args, "-o", "json")...)
	cmd.Env = append(os.Environ(), b.env...)
	var said bytes.Buffer
	cmd.Stderr = &said
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return taken{}, fmt.Errorf("worker %s: %w: %s", args[0], err, said.String())
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return taken{wall: time.Since(begin).Seconds(), cpu: used.Seconds()}, nil
}

func sumOf(path string) (sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return [sha256.Size]byte(h.Sum(nil)), errors.Join(err, f.Close())
}

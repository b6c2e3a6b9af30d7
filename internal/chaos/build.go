package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/specstar-worker/worker/internal/overlay"
)

const (
	workerPackage = "github.com/specstar-worker/worker/cmd/worker"
	serverPackage = "github.com/nats-io/nats-server/v2"
)

// Build builds the worker into dir and returns the program. Changes, in their order,
// are made to its source, which stays as it is: they are laid over it.
func Build(ctx context.Context, dir string, changes ...Change) (string, error) {
	args, err := overlay.Write(dir, changes)
	if err != nil {
		return "", err
	}
	return build(ctx, filepath.Join(dir, "worker"), workerPackage, args...)
}

// BuildOld builds the worker as it was just before the last migration of PostgreSQL's
// tables came: a version that knows the schema before.
func BuildOld(ctx context.Context, dir string) (string, error) {
	root, err := overlay.Repository()
	if err != nil {
		return "", err
	}
	revisions, err := revisionsBefore(ctx, root)
	if err != nil {
		return "", fmt.Errorf("find the revision before the last migration: %w", err)
	}
	var failures []error
	for _, r := range revisions { // one in the midst of a change may not compile
		program, err := buildRevision(ctx, root, filepath.Join(dir, r), r)
		if err == nil {
			return program, nil
		}
		failures = append(failures, err)
	}
	return "", errors.Join(failures...)
}

// mostRevisions is how many revisions before the last migration are tried.
const mostRevisions = 3

// revisionsBefore returns the last revisions before the last migration, the latest first.
func revisionsBefore(ctx context.Context, root string) ([]string, error) {
	log := func(args ...string) ([]string, error) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", root, "log", "--format=%H"}, args...)...).Output()
		return strings.Fields(string(out)), err
	}
	last, err := log("-1", "--diff-filter=A", "--", "storage/postgres/migrations")
	if err != nil {
		return nil, err
	}
	if len(last) == 0 {
		return nil, errors.New("no revision adds a migration")
	}
	return log("-"+strconv.Itoa(mostRevisions), last[0]+"^")
}

// buildRevision builds the worker of a revision in dir, which it makes.
func buildRevision(ctx context.Context, root, dir, revision string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	source := filepath.Join(dir, "source.tar")
	if out, err := exec.CommandContext(ctx, "git", "-C", root, "archive", "--output", source, revision).CombinedOutput(); err != nil {
		return "", fmt.Errorf("take out the source of revision %s: %w\n%s", revision, err, out)
	}
	if out, err := exec.CommandContext(ctx, "tar", "-xf", source, "-C", dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("unpack the source of revision %s: %w\n%s", revision, err, out)
	}
	program := filepath.Join(dir, "old-worker")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, "./cmd/worker")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build revision %s: %w\n%s", revision, err, out)
	}
	return program, nil
}

// BuildServer builds the nats-server of the module that the worker embeds.
func BuildServer(ctx context.Context, dir string) (string, error) {
	return build(ctx, filepath.Join(dir, "nats-server"), serverPackage)
}

func build(ctx context.Context, program, pkg string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"build", "-trimpath", "-o", program}, args...), pkg)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return program, nil
}

// Change replaces a piece of a source file.
type Change = overlay.Change

// ShortLease has the claim of a long job, and the patience with a save that is to
// come again, end after seconds instead of a minute, so that a run of a minute sees
// the whole of it.
var ShortLease = []Change{
	{File: "jobs/executor.go", Old: "DefaultLease       = time.Minute", New: "DefaultLease       = 4 * time.Second"},
	{File: "jobs/order.go", Old: "const orderPatience = time.Minute", New: "const orderPatience = 4 * time.Second"},
}

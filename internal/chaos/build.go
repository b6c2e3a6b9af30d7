package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	workerPackage = "github.com/specstar-worker/worker/cmd/worker"
	serverPackage = "github.com/nats-io/nats-server/v2"
)

// Build builds the worker into dir and returns the program. Changes, in their order,
// are made to its source, which stays as it is: they are laid over it.
func Build(ctx context.Context, dir string, changes ...Change) (string, error) {
	args, err := overlay(dir, changes)
	if err != nil {
		return "", err
	}
	return build(ctx, filepath.Join(dir, "worker"), workerPackage, args...)
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
type Change struct {
	// File is its path in the repository.
	File string
	// Old must be there exactly once; New stands there instead.
	Old, New string
}

// overlay writes the changed files into dir and returns the arguments of go build
// that have it use them.
func overlay(dir string, changes []Change) ([]string, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	root, err := repository()
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for _, c := range changes {
		text, ok := texts[c.File]
		if !ok {
			b, err := os.ReadFile(filepath.Join(root, c.File))
			if err != nil {
				return nil, fmt.Errorf("change the source: %w", err)
			}
			text = string(b)
		}
		if n := strings.Count(text, c.Old); n != 1 {
			return nil, fmt.Errorf("change the source: %s has this %d times, and once is wanted:\n%s", c.File, n, c.Old)
		}
		texts[c.File] = strings.Replace(text, c.Old, c.New, 1)
	}
	var o struct{ Replace map[string]string }
	o.Replace = map[string]string{}
	for file, text := range texts {
		to := filepath.Join(dir, strings.ReplaceAll(file, "/", "_")+".txt")
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return nil, err
		}
		o.Replace[filepath.Join(root, file)] = to
	}
	b, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "overlay.json")
	return []string{"-overlay", path}, os.WriteFile(path, b, 0o600)
}

// repository returns the root of the module's source.
func repository() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/specstar-worker/worker").Output()
	if err != nil {
		return "", fmt.Errorf("find the source: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// ShortLease has the claim of a long job, and the patience with a save that is to
// come again, end after seconds instead of a minute, so that a run of a minute sees
// the whole of it.
var ShortLease = []Change{
	{File: "jobs/executor.go", Old: "DefaultLease       = time.Minute", New: "DefaultLease       = 4 * time.Second"},
	{File: "jobs/order.go", Old: "const orderPatience = time.Minute", New: "const orderPatience = 4 * time.Second"},
}

// Package overlay has the go command build a changed copy of this module's source, which
// stays as it is: tests of tests use it to see whether a program that is not right is
// found out.
package overlay

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Change replaces a piece of a source file.
type Change struct {
	// File is its path in the repository, or in Go's library when it begins with [Library].
	File string
	// Old must be there exactly once; New stands there instead. Without Old the file is a
	// new one.
	Old, New string
}

// Parse reads changes: "-- FILE", a newline and the piece, then "-- instead", a newline
// and what stands there, each as often as wanted. What comes before the first is
// returned as head.
func Parse(text string) (head string, changes []Change, err error) {
	head, rest, found := strings.Cut(text, "\n-- ")
	if !found {
		return head, nil, nil
	}
	parts := strings.Split(strings.TrimSuffix(rest, "\n"), "\n-- ")
	if len(parts)%2 != 0 {
		return "", nil, fmt.Errorf("%d pieces of source: each needs what stands there instead", len(parts))
	}
	for i := 0; i < len(parts); i += 2 {
		file, old, _ := strings.Cut(parts[i], "\n")
		_, instead, _ := strings.Cut(parts[i+1], "\n")
		changes = append(changes, Change{File: file, Old: old, New: instead})
	}
	return head, changes, nil
}

// Write writes the changed files into dir and returns the arguments of go build and go
// test that have them use these. The error names a piece that is not there once.
func Write(dir string, changes []Change) ([]string, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	root, err := Repository()
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for _, c := range changes {
		text, ok := texts[c.File]
		if c.Old == "" {
			texts[c.File] = c.New
			continue
		}
		if !ok {
			path, err := sourceOf(root, c.File)
			if err != nil {
				return nil, err
			}
			b, err := os.ReadFile(path)
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
		path, err := sourceOf(root, file)
		if err != nil {
			return nil, err
		}
		o.Replace[path] = to
	}
	b, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "overlay.json")
	return []string{"-overlay", path}, os.WriteFile(path, b, 0o600)
}

// Library begins the paths of files of Go's own packages.
const Library = "GOROOT/src/"

// sourceOf returns where a file is.
func sourceOf(root, file string) (string, error) {
	name, ok := strings.CutPrefix(file, Library)
	if !ok {
		return filepath.Join(root, file), nil
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("find Go's library: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "src", name), nil
}

// Repository returns the root of the module's source.
func Repository() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/specstar-worker/worker").Output()
	if err != nil {
		return "", fmt.Errorf("find the source: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

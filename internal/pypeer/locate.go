package pypeer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// errNoEnvironment says how to get the environment.
var errNoEnvironment = errors.New("the Python environment with the original is missing: run `make peer` (`make test` does it first)")

// interpreter returns the Python of the environment that `make peer` made in
// the repository that holds dir.
func interpreter(dir string) (string, error) {
	root, err := repository(dir)
	if err != nil {
		return "", err
	}
	python := filepath.Join(root, ".cache", "peer", "bin", "python")
	if _, err := os.Stat(python); err != nil {
		return "", fmt.Errorf("%w (%w)", errNoEnvironment, err)
	}
	return python, nil
}

// repository returns the nearest directory at or above start that holds this
// package.
func repository(start string) (string, error) {
	for dir := start; ; {
		_, err := os.Stat(filepath.Join(dir, "internal", "pypeer", "constraints.txt"))
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("%s is not inside the repository", start)
		}
		dir = up
	}
}

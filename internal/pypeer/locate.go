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
// the repository that holds the working directory.
func interpreter() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
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

// repository returns the nearest directory at or above dir that holds this
// package.
func repository(dir string) (string, error) {
	for {
		_, err := os.Stat(filepath.Join(dir, "internal", "pypeer", "constraints.txt"))
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("the working directory is not inside the repository")
		}
		dir = up
	}
}

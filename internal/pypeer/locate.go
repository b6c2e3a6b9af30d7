package pypeer

import (
	"errors"
	"fmt"
	"os"

	"github.com/specstar-worker/worker/internal/cachedir"
)

// errNoEnvironment says how to get the environment.
var errNoEnvironment = errors.New("the Python environment with the original is missing: run `make peer` (`make test` does it first)")

// Python returns the interpreter of the environment, which has nats-py, for scripts that
// need nothing else of the peer. The directory is that of the caller's test.
func Python() (string, error) {
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return interpreter(at)
}

// interpreter returns the Python of the environment that `make peer` made in
// the repository that holds dir.
func interpreter(dir string) (string, error) {
	python, err := cachedir.Path(dir, "peer", "bin", "python")
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(python); err != nil {
		return "", fmt.Errorf("%w (%w)", errNoEnvironment, err)
	}
	return python, nil
}

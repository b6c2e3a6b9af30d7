package pypeer

import (
	"errors"
	"fmt"
	"os"

	"github.com/specstar-worker/worker/internal/cachedir"
)

// errNoEnvironment says how to get the environment.
var errNoEnvironment = errors.New("the Python environment with the original is missing: run `make peer` (`make test` does it first)")

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

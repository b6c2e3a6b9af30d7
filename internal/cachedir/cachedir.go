// Package cachedir finds what the scripts of the repository made for its tests.
package cachedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// marker is a file that only the root of the repository has; other modules lie
// within it, so go.mod is none.
const marker = "internal/cachedir/cachedir.go"

// Path returns the path of something in .cache of the repository that holds the
// directory dir. It need not be there.
func Path(dir string, names ...string) (string, error) {
	root, err := repository(dir)
	if err != nil {
		return "", err
	}
	return filepath.Join(append([]string{root, ".cache"}, names...)...), nil
}

// Here is [Path] from the working directory.
func Here(names ...string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return Path(dir, names...)
}

// repository returns the nearest directory at or above start that is the root of
// the repository.
func repository(start string) (string, error) {
	for dir := start; ; {
		_, err := os.Stat(filepath.Join(dir, marker))
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

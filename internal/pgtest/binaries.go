package pgtest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// errNoBinaries says how to get them.
var errNoBinaries = errors.New("PostgreSQL is missing: install the package postgresql (on Debian `apt-get install postgresql`; " +
	"`make services` does, and `make test` runs it first), or name the directory of initdb and postgres in PG_BIN")

// Binaries returns the directory that holds initdb and postgres: $PG_BIN, where
// PATH finds initdb, or the newest in /usr/lib/postgresql.
func Binaries() (string, error) {
	return binaries(os.Getenv("PG_BIN"), "/usr/lib/postgresql")
}

func binaries(named, installed string) (string, error) {
	if named != "" {
		if !complete(named) {
			return "", errors.New("PG_BIN=" + named + " does not hold initdb and postgres")
		}
		return named, nil
	}
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(initdb); err == nil && complete(filepath.Dir(real)) {
			return filepath.Dir(real), nil
		}
	}
	versions, err := os.ReadDir(installed)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	slices.SortFunc(versions, func(a, b os.DirEntry) int { return number(b.Name()) - number(a.Name()) })
	for _, v := range versions {
		if dir := filepath.Join(installed, v.Name(), "bin"); complete(dir) {
			return dir, nil
		}
	}
	return "", errNoBinaries
}

// complete reports whether dir holds the two programs that are used.
func complete(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// number reads the name of a version's directory; what is none comes last.
func number(name string) int {
	n, err := strconv.Atoi(name)
	if err != nil {
		return -1
	}
	return n
}

package pgtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// install makes a directory with programs of the given names.
func install(t *testing.T, dir string, names ...string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestWhereTheBinariesAreFound(t *testing.T) {
	root := t.TempDir()
	installed := filepath.Join(root, "installed")
	install(t, filepath.Join(installed, "9", "bin"), "initdb", "postgres")
	newest := install(t, filepath.Join(installed, "15", "bin"), "initdb", "postgres")
	install(t, filepath.Join(installed, "17", "bin"), "initdb") // a client's package
	install(t, filepath.Join(installed, "common"))
	named := install(t, filepath.Join(root, "named"), "initdb", "postgres")
	onPath := install(t, filepath.Join(root, "path"), "initdb", "postgres")
	links := filepath.Join(root, "links")
	if err := os.Mkdir(links, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(onPath, "initdb"), filepath.Join(links, "initdb")); err != nil {
		t.Fatal(err)
	}
	half := install(t, filepath.Join(root, "half"), "initdb")
	for _, tc := range []struct{ name, path, named, want string }{
		{"named", onPath, named, named},
		{"on PATH", onPath, "", onPath},
		{"a link on PATH", links, "", onPath},
		{"half of it on PATH", half, "", newest},
		{"installed", root, "", newest},
	} {
		t.Setenv("PATH", tc.path)
		if got, err := binaries(tc.named, installed); err != nil || got != tc.want {
			t.Errorf("%s: %s, %v; want %s", tc.name, got, err, tc.want)
		}
	}
}

func TestMissingBinariesSayHowToGetThem(t *testing.T) {
	root := t.TempDir()
	t.Setenv("PATH", root)
	for _, tc := range []struct{ named, want string }{
		{"", "make services"},
		{"", "install the package postgresql"},
		{root, "PG_BIN=" + root},
	} {
		if _, err := binaries(tc.named, filepath.Join(root, "none")); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("binaries(%q) gave %v, want %q", tc.named, err, tc.want)
		}
	}
}

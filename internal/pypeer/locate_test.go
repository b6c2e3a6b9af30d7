package pypeer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAMissingEnvironmentSaysHowToGetIt(t *testing.T) {
	root := t.TempDir()
	inside := filepath.Join(root, "internal", "cachedir")
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inside, "cachedir.go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := interpreter(inside); err == nil || !strings.Contains(err.Error(), "make peer") {
		t.Errorf("interpreter without an environment gave %v", err)
	}
	python := filepath.Join(root, ".cache", "peer", "bin", "python")
	if err := os.MkdirAll(filepath.Dir(python), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(python, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := interpreter(inside); err != nil || got != python {
		t.Errorf("interpreter = %q, %v; want %q", got, err, python)
	}
}

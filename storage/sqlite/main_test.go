package sqlite

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(upgradeDir); dir != "" {
		fmt.Fprintln(os.Stderr, upgradeAndDie(dir, os.Getenv(upgradeStage)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

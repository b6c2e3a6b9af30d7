package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// upgradeDir makes this test binary upgrade the store there and die on the way,
// see upgradeAndDie.
const (
	upgradeDir   = "SPECSTAR_TEST_UPGRADE_DIR"
	upgradeStage = "SPECSTAR_TEST_UPGRADE_STAGE"
)

// upgradeAndDie upgrades a store and dies by SIGKILL: after the given number of
// statements of the migration, or when it has committed.
func upgradeAndDie(dir, stage string) error {
	ctx := context.Background()
	db, err := sql.Open("sqlite", writeDSN(filepath.Join(dir, fileName)))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	if stage == "committed" {
		if err := migrate(ctx, db, dir); err != nil {
			return err
		}
		return die()
	}
	text, err := migrations.ReadFile("migrations/00002_declarations.sql")
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	// As goose does it, but for the last steps.
	statements := strings.Split(string(text), ";\n")
	var n int
	if _, err := fmt.Sscan(stage, &n); err != nil {
		return err
	}
	for _, s := range statements[:min(n, len(statements))] {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return die()
}

// die ends this process as a crash does.
func die() error {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err == nil {
		select {}
	}
	return err
}

func TestKilledUpgradeIsRepeated(t *testing.T) {
	for _, stage := range []string{"0", "1", "3", "4", "5", "committed"} {
		t.Run(stage, func(t *testing.T) {
			dir := unpackLayout1(t)
			columns := columnsOf(t, dir)
			before := rowsOf(t, dir, columns)
			child := exec.CommandContext(t.Context(), os.Args[0])
			child.Env = append(os.Environ(), upgradeDir+"="+dir, upgradeStage+"="+stage)
			out, err := child.CombinedOutput()
			if err == nil || child.ProcessState.Exited() {
				t.Fatalf("the child ended by itself: %v: %s", err, out)
			}
			if v := layoutOf(t, dir); (v == layoutVersion) != (stage == "committed") {
				t.Errorf("the layout is %d", v)
			}
			f := open(t, Config{Dir: dir})
			if diff := cmp.Diff(before, rowsOf(t, dir, columns)); diff != "" {
				t.Errorf("rows changed: %s", diff)
			}
			upgradedFileWorks(t, f)
		})
	}
}

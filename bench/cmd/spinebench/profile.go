package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
)

// printTop prints the top entries of the profile for each operation. A profile
// that was not asked to be kept is removed.
func printTop(ctx context.Context, w io.Writer, profile string, o options) (err error) {
	if o.CPUProfile == "" && profile != "" {
		defer func() { err = errors.Join(err, os.Remove(profile)) }()
	}
	if o.top == 0 {
		return nil
	}
	for _, op := range operations {
		fmt.Fprintf(w, "\n%s: top entries of our CPU profile\n", op.name)
		cmd := exec.CommandContext(ctx, "go", "tool", "pprof", "-top",
			"-nodecount="+strconv.Itoa(o.top), "-relative_percentages", "-tagfocus=op=^"+op.name+"$", profile)
		cmd.Stdout, cmd.Stderr = w, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("read the profile: %w", err)
		}
	}
	return nil
}

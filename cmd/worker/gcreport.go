package main

import (
	"fmt"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/manager"
)

// printGarbage prints the report of a garbage collection; the exit code tells
// whether there were problems.
func (a *app) printGarbage(r manager.GCReport) error {
	var err error
	switch a.format {
	case render.Table:
		err = a.printGarbageTable(r)
	case render.IDs:
		for _, id := range r.FileIDs {
			if _, err = fmt.Fprintln(a.stdout, id); err != nil {
				break
			}
		}
	default:
		err = render.Document(a.stdout, a.format, r)
	}
	if err != nil {
		return err
	}
	if r.Count > 0 {
		return exit(exitProblems)
	}
	return nil
}

func (a *app) printGarbageTable(r manager.GCReport) error {
	for _, p := range r.Problems {
		a.note("problem: %s: %s", p.Code, render.Printable(p.Message))
	}
	if r.Stopped {
		a.note("no blob was removed: the payloads above may refer to any")
	}
	if r.HeldBy != "" {
		a.note("blobs newer than job %s, which has not ended, were left alone", r.HeldBy)
	}
	list := render.NewList(a.stdout, render.Table, "GARBAGE", "FOUND", "REMOVED", "BYTES")
	for _, k := range []struct {
		name  string
		count manager.GCCount
	}{
		{"blobs", r.Blobs},
		{"lost payloads", r.Payloads},
		{"staged chunks", r.Chunks},
		{"temporary files", r.Files},
		{"uploads", r.Uploads},
		{"orphan revisions", r.Orphans},
	} {
		cells := []string{k.name, number(k.count.Candidates), number(k.count.Removed), number(k.count.Bytes)}
		if err := list.Add(render.Row{Cells: cells}); err != nil {
			return err
		}
	}
	if err := list.Close(); err != nil {
		return err
	}
	what := fmt.Sprintf("removed %d, %d bytes", r.Removed, r.Bytes)
	if r.DryRun {
		what = fmt.Sprintf("nothing was changed; --delete removes %d, %d bytes", r.Candidates, r.Bytes)
	}
	_, err := fmt.Fprintf(a.stdout, "%s: %s\n", a.global.storeName(), what)
	return err
}

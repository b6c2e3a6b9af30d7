package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/manager"
)

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify [ARCHIVE]",
		Short: "Check an archive, or the store: structure, hashes, references",
		Long: `verify checks an archive (plain, gzip or zstd; a file or s3://BUCKET/KEY), or
without one the store, and writes nothing. The exit code is 3 when there are problems.`,
		Example: `  worker verify dump.acbak
  worker verify s3://dumps/monday.acbak.zst
  worker verify --store sqlite:./data -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.verifyArchive(cmd.Context(), args[0])
			}
			return a.verifyStore(cmd.Context())
		},
	}
}

func (a *app) verifyArchive(ctx context.Context, path string) error {
	plain, err := a.openArchive(ctx, path)
	if err != nil {
		// What cannot be an archive at all is a finding, too.
		if bad, ok := errors.AsType[*archive.Error](err); ok {
			return a.printFindings(path, manager.Findings{Count: 1, Problems: []manager.Problem{
				{Code: manager.Code(bad.Code), Offset: bad.Offset, Message: bad.Err.Error()},
			}})
		}
		return err
	}
	findings, err := manager.VerifyArchive(ctx, plain, archive.Limits{})
	if err = errors.Join(err, plain.Close()); err != nil {
		return fmt.Errorf("verify %s: %w", path, err)
	}
	return a.printFindings(path, findings)
}

func (a *app) verifyStore(ctx context.Context) (err error) {
	s, err := a.openReader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	findings, err := a.catalog(s).Verify(ctx)
	if err != nil {
		return fmt.Errorf("verify %s: %w", a.global.storeName(), err)
	}
	return a.printFindings(a.global.storeName(), findings)
}

func (a *app) printFindings(what string, f manager.Findings) error {
	if f.Problems == nil {
		f.Problems = []manager.Problem{}
	}
	switch {
	case a.format != render.Table && a.format != render.IDs:
		if err := render.Document(a.stdout, a.format, f); err != nil {
			return err
		}
	default:
		if err := a.printProblems(what, f); err != nil {
			return err
		}
	}
	if !f.OK {
		return exit(exitProblems)
	}
	return nil
}

func (a *app) printProblems(what string, f manager.Findings) error {
	for _, n := range f.Notes {
		a.note("note: %s: %s", n.Code, render.Printable(n.Message))
	}
	if f.OK {
		_, err := fmt.Fprintf(a.stdout, "%s: ok\n", what)
		return err
	}
	list := render.NewList(a.stdout, render.Table, "CODE", "OFFSET", "MODEL", "RESOURCE", "PROBLEM")
	for _, p := range f.Problems {
		if err := list.Add(render.Row{Cells: []string{string(p.Code), number(p.Offset), p.Model, string(p.ResourceID), p.Message}}); err != nil {
			return err
		}
	}
	if err := list.Close(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "%s: %d problems\n", what, f.Count)
	return err
}

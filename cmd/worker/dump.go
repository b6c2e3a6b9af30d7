package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/storage"
)

// dumpFlags are the options of a dump.
type dumpFlags struct {
	condition
	out    string
	models []string
}

func (a *app) dumpCommand() *cobra.Command {
	var f dumpFlags
	cmd := &cobra.Command{
		Use:   "dump --out FILE|-",
		Short: "Write the store, or a part of it, to an archive",
		Long: `dump writes an archive of all models, or of those named, as they were at one
moment; of one model, those resources that --where or --query select, see worker
search --help. Equal content gives equal bytes. The file appears when it is complete.
With --out - the archive goes to standard output and the summary to standard
error.`,
		Example: `  worker dump --out backup.acbak
  worker dump --out - --model person | gzip > person.acbak.gz
  worker dump --out adults.acbak --model person --where "data.age >= 18"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.dump(cmd.Context(), &f) },
	}
	cmd.Flags().StringVar(&f.out, "out", "", "`FILE` to write; - is standard output")
	cmd.Flags().StringSliceVar(&f.models, "model", nil, "dump only model `M`; repeat for more")
	f.condition.register(cmd.Flags())
	return completed(cmd)
}

// options turns the flags into what the manager understands.
func (f *dumpFlags) options(stdin io.Reader) (manager.DumpOptions, error) {
	o := manager.DumpOptions{Models: f.models}
	switch {
	case f.out == "":
		return o, usage("--out FILE is missing; --out - writes to standard output")
	case !f.given():
		return o, nil
	case len(f.models) != 1:
		return o, usage("--query and --where need exactly one --model")
	}
	q, err := f.parse(stdin)
	if err != nil {
		return o, err
	}
	o.Query = opt.Of(q)
	return o, nil
}

func (a *app) dump(ctx context.Context, f *dumpFlags) (err error) {
	o, err := f.options(a.stdin)
	if err != nil {
		return err
	}
	s, err := a.openReader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if len(f.models) > 0 {
		if o.Models, err = a.dumpModels(ctx, s, o.Models); err != nil {
			return err
		}
		if len(o.Models) == 0 {
			o = manager.DumpOptions{}
		}
	}
	catalog := a.catalog(s)
	var stats manager.DumpStats
	write := func(w io.Writer) (err error) {
		stats, err = catalog.DumpTo(ctx, w, o)
		return err
	}
	if f.out == "-" {
		err = write(a.stdout)
	} else if err = writeWhole(f.out, write); err != nil {
		err = fmt.Errorf("write %s: %w", f.out, err)
	}
	if err != nil {
		return fmt.Errorf("dump %s: %w", a.global.storeName(), err)
	}
	if len(f.models) == 0 && len(stats.Models) == 0 {
		if _, err := a.dumpModels(ctx, s, nil); err != nil { // it says that the store is empty
			return err
		}
	}
	return a.printDump(f.out, stats)
}

// dumpModels refuses models that are not there; in an empty store there is
// nothing to dump, and that is fine.
func (a *app) dumpModels(ctx context.Context, s *store, names []string) ([]string, error) {
	known, err := s.Models(ctx)
	if err != nil {
		return nil, fmt.Errorf("list models: %w", err)
	}
	if len(known) == 0 {
		a.note("store %s is empty", a.global.storeName())
		return nil, nil
	}
	for _, name := range names {
		if !hasModel(known, name) {
			return nil, unknownModel(a.global.storeName(), name, known)
		}
	}
	return names, nil
}

func hasModel(known []storage.ModelInfo, name string) bool {
	for _, m := range known {
		if m.Name == name {
			return true
		}
	}
	return false
}

// writeWhole gives path the content that write writes, all of it or nothing. A
// device or a pipe is written to directly.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	if info, serr := os.Stat(path); serr == nil && !info.Mode().IsRegular() {
		if info.IsDir() {
			return errors.New("it is a directory; name a file in it")
		}
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(writeBuffered(f, write), f.Close())
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = writeBuffered(&aheadWriter{file: f}, write)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func writeBuffered(w io.Writer, write func(io.Writer) error) error {
	buf := bufio.NewWriterSize(w, 1<<20)
	if err := write(buf); err != nil {
		return err
	}
	return buf.Flush()
}

// printDump prints the summary where it does not mix with the archive.
func (a *app) printDump(out string, stats manager.DumpStats) error {
	w := a.stdout
	if out == "-" {
		w = a.stderr
	}
	if stats.Models == nil {
		stats.Models = map[string]manager.ModelDump{}
	}
	if a.format != render.Table && a.format != render.IDs {
		return render.Document(w, a.format, stats)
	}
	if out == "-" && a.global.quiet {
		return nil
	}
	list := render.NewList(w, render.Table, "MODEL", "RESOURCES", "REVISIONS", "BLOBS")
	for _, name := range sortedKeys(stats.Models) {
		m := stats.Models[name]
		if err := list.Add(render.Row{Cells: []string{name, number(m.Metas), number(m.Revisions), number(m.Blobs)}}); err != nil {
			return err
		}
	}
	if err := list.Close(); err != nil {
		return err
	}
	for _, p := range stats.Warnings {
		a.note("warning: %s", strings.TrimSpace(p.Message))
	}
	_, err := fmt.Fprintf(w, "%d bytes to %s\n", stats.Bytes, out)
	return err
}

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/resource"
)

// inputs are what commands read, and the worker's program.
type inputs struct {
	dir, worker          string
	archive, bare, saves string
	// few and fewBare are smaller archives for the original.
	few, fewBare string
	one          string // an archive of one resource
	resources    int
	saved        int // by our side
}

// fewResources are dumped and backfilled by the original: it does some fifty in a
// second.
const fewResources = 500

// Saves of the original: one by one it does few in a second.
const (
	shippedSaves = 150
	keptSaves    = 500
)

func theirSaves(keep bool) int {
	if keep {
		return keptSaves
	}
	return shippedSaves
}

// resourcesOf returns how many resources our side of a command is about.
func (in inputs) resourcesOf(c contest) int {
	if c.saves {
		return in.saved
	}
	return in.resources
}

// theirsOf returns how many the original's side is about.
func (in inputs) theirsOf(c contest, keep bool) int {
	switch {
	case c.saves:
		return theirSaves(keep)
	case c.name == "load":
		return in.resources
	}
	return fewResources
}

// makeInputs builds the worker and writes its inputs to a temporary directory: an
// archive of resources with 1.6 revisions each, one of the same whose metas lack the
// facts of their revisions, and saves.
func makeInputs(ctx context.Context, resources, saves int) (_ inputs, err error) {
	dir, err := os.MkdirTemp("", "copybench-*")
	if err != nil {
		return inputs{}, err
	}
	in := inputs{
		dir: dir, worker: filepath.Join(dir, "worker"), resources: resources, saved: saves,
		archive: filepath.Join(dir, "items.acbak"), bare: filepath.Join(dir, "bare.acbak"), saves: filepath.Join(dir, "saves.ndjson"),
		few: filepath.Join(dir, "few.acbak"), fewBare: filepath.Join(dir, "fewbare.acbak"),
		one: filepath.Join(dir, "one.acbak"),
	}
	fmt.Fprintln(os.Stderr, "building the worker")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", in.worker, "./cmd/worker")
	build.Dir = ".." // the worker's own module, as make bench runs in bench
	build.Stderr = os.Stderr
	err = errors.Join(build.Run(), in.writeSaves(), writeArchive(in.one, 1, false),
		writeArchive(in.archive, resources, false), writeArchive(in.bare, resources, true),
		writeArchive(in.few, fewResources, false), writeArchive(in.fewBare, fewResources, true))
	if err != nil {
		return inputs{}, errors.Join(err, os.RemoveAll(dir))
	}
	return in, nil
}

// writeArchive writes an archive; of five resources three have a second revision.
func writeArchive(path string, resources int, bare bool) (err error) {
	first, err := makeRecords(resources, 1000, 1)
	if err != nil {
		return err
	}
	second, err := makeRecords(resources, 1000, 2)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffered := bufio.NewWriterSize(f, 1<<20)
	w := archive.NewWriter(buffered)
	write := func(records ...archive.Record) {
		for _, rec := range records {
			if err == nil {
				err = w.Write(rec)
			}
		}
	}
	write(archive.Header{Version: archive.Version}, archive.ModelStart{Model: model})
	for i := range first.metas {
		meta := first.metas[i]
		if i%5 < 3 {
			meta = second.metas[i]
		}
		if bare {
			meta.Rev = resource.RevMeta{}
		}
		write(archive.Meta{Meta: meta}, archive.Revision{Revision: first.revisions[i]})
		if i%5 < 3 {
			write(archive.Revision{Revision: second.revisions[i]})
		}
	}
	write(archive.ModelEnd{Model: model}, archive.EOF{})
	return errors.Join(err, w.Close(), buffered.Flush())
}

// writeSaves writes operations, one a line, each to be a job of its own.
func (in inputs) writeSaves() (err error) {
	r, err := makeRecords(in.saved, 1000, 1)
	if err != nil {
		return err
	}
	f, err := os.Create(in.saves)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffered := bufio.NewWriter(f)
	e := json.NewEncoder(buffered)
	for _, rev := range r.revisions {
		line := map[string]any{"op": "create", "resource_id": rev.Info.ResourceID, "user": "importer", "data": json.RawMessage(rev.Data)}
		if err := e.Encode(line); err != nil {
			return err
		}
	}
	return buffered.Flush()
}

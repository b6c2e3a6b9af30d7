package pypeer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// State is everything that an app or a store holds, as bytes by key:
//
//	MODEL meta ID                       the meta as archives have it
//	MODEL revision REVISION SCHEMA info the info as archives have it
//	MODEL revision REVISION SCHEMA data the payload
//	blob FILE_ID data                   the content
//	blob FILE_ID type                   the content type, empty when unknown
//
// The parts of a key are joined by tabs. Blobs are those that payloads refer to and
// that are there.
type State map[string][]byte

// StateOf returns the state of a store of ours. blobs may be nil.
func StateOf(ctx context.Context, f storage.Factory, blobs storage.BlobStore) (State, error) {
	models, err := f.Models(ctx)
	if err != nil {
		return nil, err
	}
	s := State{}
	for _, m := range models {
		if err := s.addModel(ctx, f, m.Name); err != nil {
			return nil, fmt.Errorf("state of %s: %w", m.Name, err)
		}
		if err := s.addRemembered(ctx, f, blobs, m.Name); err != nil {
			return nil, fmt.Errorf("blobs of %s: %w", m.Name, err)
		}
	}
	if err := s.addReferred(ctx, blobs); err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	return s, nil
}

func (s State) addModel(ctx context.Context, f storage.Factory, model string) error {
	stores, err := f.Build(ctx, model)
	if err != nil {
		return err
	}
	var ids []resource.ID
	for meta, err := range stores.Metas.All(ctx) {
		if err != nil {
			return err
		}
		ids = append(ids, meta.ResourceID)
		s[key(model, "meta", string(meta.ResourceID))] = meta.Append(resource.Msgpack, nil)
	}
	for rev, err := range stores.Revisions.DumpAll(ctx, slices.Values(ids)) {
		if err != nil {
			return err
		}
		at := key(model, "revision", string(rev.Info.RevisionID), rev.Info.SchemaVersion.Or(""))
		s[key(at, "info")] = rev.Info.Append(resource.Msgpack, nil)
		s[key(at, "data")] = rev.Data
	}
	return nil
}

// addRemembered adds the blobs that are remembered with a model.
func (s State) addRemembered(ctx context.Context, f storage.Factory, blobs storage.BlobStore, model string) error {
	stores, err := f.Build(ctx, model)
	if err != nil {
		return err
	}
	for id, err := range stores.Metas.Blobs(ctx) {
		if err == nil {
			err = s.addBlob(ctx, blobs, id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addReferred adds the blobs whose ids payloads hold: those that another program has
// put are not remembered.
func (s State) addReferred(ctx context.Context, blobs storage.BlobStore) error {
	if blobs == nil {
		return nil
	}
	var payloads [][]byte
	for k, v := range s {
		if strings.Contains(k, "\trevision\t") && strings.HasSuffix(k, "\tdata") {
			payloads = append(payloads, v)
		}
	}
	for info, err := range blobs.List(ctx) {
		if err != nil {
			return err
		}
		id := []byte(info.FileID)
		if !slices.ContainsFunc(payloads, func(p []byte) bool { return bytes.Contains(p, id) }) {
			continue
		}
		if err := s.addBlob(ctx, blobs, info.FileID); err != nil {
			return err
		}
	}
	return nil
}

// addBlob adds a blob that may not be there.
func (s State) addBlob(ctx context.Context, blobs storage.BlobStore, id string) error {
	r, info, err := blobs.Open(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	content, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	s[key("blob", id, "data")] = content
	s[key("blob", id, "type")] = []byte(info.ContentType.Or(""))
	return nil
}

func key(parts ...string) string { return strings.Join(parts, "\t") }

// Diff describes where got differs from s, one line a key and at most 20 lines;
// it is empty when both hold the same.
func (s State) Diff(got State) string {
	keys := maps.Clone(s)
	maps.Copy(keys, got)
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		w, wanted := s[k]
		g, found := got[k]
		switch {
		case !found:
			lines = append(lines, fmt.Sprintf("%q: missing, want %s", k, show(k, w)))
		case !wanted:
			lines = append(lines, fmt.Sprintf("%q: not wanted, got %s", k, show(k, g)))
		case !bytes.Equal(w, g):
			lines = append(lines, fmt.Sprintf("%q:\n  want %s\n  got  %s", k, show(k, w), show(k, g)))
		}
	}
	if n := len(lines); n > 20 {
		lines = append(lines[:20], fmt.Sprintf("and %d more", n-20))
	}
	return strings.Join(lines, "\n")
}

// show renders a value for people: metas and infos as JSON, others quoted.
func show(k string, b []byte) string {
	var text []byte
	var err error
	switch {
	case strings.Contains(k, "\tmeta\t"):
		var m resource.Meta
		if m, err = resource.DecodeMeta(resource.Msgpack, b); err == nil {
			text = m.Append(resource.JSON, nil)
		}
	case strings.HasSuffix(k, "\tinfo"):
		var i resource.RevisionInfo
		if i, err = resource.DecodeRevisionInfo(resource.Msgpack, b); err == nil {
			text = i.Append(resource.JSON, nil)
		}
	}
	if text == nil || err != nil {
		text = fmt.Appendf(nil, "%.300q", b)
	}
	return string(text)
}

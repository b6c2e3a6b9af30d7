package jobs

import (
	"context"
	"errors"
	"io"

	"github.com/specstar-worker/worker/archive"
)

// References marks every payload that a message would write: those of its
// operations, or those of the archive that it loads, where sources can open that, and
// the id of the content that it refers to, which contents may have. A message that is no
// job, and an archive or a content that is gone or damaged, write nothing: what was found
// before is marked. The error is for reading an archive or a content.
func References(ctx context.Context, message []byte, sources SourceOpener, contents Contents, mark func(payload []byte)) error {
	e, err := Decode(message)
	if err != nil {
		return nil
	}
	if c, is := e.Args.(Content); is {
		mark([]byte(c.Blob))
	}
	e, err = e.Open(ctx, contents)
	if _, unusable := errors.AsType[*ContentError](err); unusable {
		return nil
	}
	if err != nil {
		return err
	}
	switch args := e.Args.(type) {
	case Save:
		for _, op := range args.Operations {
			mark(op.Data)
			mark(op.Payload)
		}
	case Load:
		return archiveReferences(ctx, args, sources, mark)
	}
	return nil
}

func archiveReferences(ctx context.Context, l Load, sources SourceOpener, mark func([]byte)) (err error) {
	if sources == nil {
		return nil
	}
	src, err := sources.Open(ctx, l)
	if _, refused := errors.AsType[*RefusedError](err); refused {
		return nil
	}
	if _, damaged := errors.AsType[*archive.Error](err); damaged {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	r := archive.NewReader(io.NewSectionReader(src, 0, src.Size()), archive.Limits{})
	for rec, err := range r.Records() {
		if _, damaged := errors.AsType[*archive.Error](err); damaged {
			return nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if rev, ok := rec.(archive.Revision); ok {
			mark(rev.Revision.Data)
		}
	}
	return nil
}

package manager

import (
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
	"github.com/specstar-worker/worker/resource/payload"
)

// applyPatch applies a patch to the current payload and writes what it gives.
func (e *editor) applyPatch(cl *cell, c *change) (Effect, error) {
	now, err := e.current(cl)
	if err != nil {
		return "", err
	}
	new, err := e.patched(cl, c, now)
	if err != nil {
		return "", err
	}
	return e.update(cl, c, new)
}

// patched returns the content that a change's patch makes of a payload. What a
// declared model is given has its form again.
func (e *editor) patched(cl *cell, c *change, now resource.Revision) (content, error) {
	before, err := e.lifted(cl, now)
	if err != nil {
		return content{}, err
	}
	p, err := c.patch.Apply(before)
	if err == nil && e.form.typed() {
		p, err = e.formed(c, before, p)
	}
	if isLost(err) {
		return content{}, e.refuse(cl, CodeBlobMissing, "patch of %s: %v", cl.ref.ID, err)
	}
	if err != nil {
		return content{}, e.refuse(cl, CodeInvalid, "patch of %s: %v", cl.ref.ID, err)
	}
	return e.madeContent(c, p), nil
}

// madeContent looks at a payload that was made in the unit of work. The blobs that
// it refers to are remembered when they may be new to the model.
func (e *editor) madeContent(c *change, p []byte) content {
	new := e.contentOf(p)
	known := patchedBlobs(c, nil)
	for _, b := range payload.Binaries(p) {
		if _, ok := known[b.FileID]; ok {
			new.blobs = append(new.blobs, b.FileID)
		}
	}
	c.hash = new.hash
	return new
}

// lifted returns a payload as it is at the declared schema version: what a patch
// gives is of that version.
func (e *editor) lifted(cl *cell, r resource.Revision) ([]byte, error) {
	target, declared := e.model.SchemaVersion.Get()
	if !declared || r.Info.SchemaVersion == e.model.SchemaVersion {
		return r.Data, nil
	}
	path := pathTo(e.steps, r.Info.SchemaVersion, target)
	if path == nil {
		return nil, e.refuse(cl, CodeNotMigrated, "%s of %s is at %s and the model at %q, without a migration between (%s): update it as a whole, or declare one",
			r.Info.RevisionID, cl.ref.ID, versionName(r.Info.SchemaVersion), target, knownSteps(e.steps))
	}
	return e.walk(cl, path, r.Info, r.Data)
}

// formed gives a patched payload the form of the declared model.
func (e *editor) formed(c *change, before, patched []byte) ([]byte, error) {
	text, err := payload.AppendJSON(nil, patched)
	if err != nil {
		return nil, err
	}
	known := patchedBlobs(c, before)
	return e.form.model.Encode(e.form.encoding, text, model.EncodeOptions{Binary: func(b model.BinaryInput) (model.BinaryInput, error) {
		id, given := b.FileID.Get()
		size, ok := known[id]
		switch {
		case b.Data != nil:
			return b, lostBlob("a patch cannot carry the content of a blob; put the blob first and give its file_id and size")
		case given && !ok:
			return b, lostBlob("there is no blob " + id)
		case given && !b.Size.IsSet():
			b.Size = size
		}
		return b, nil
	}})
}

// patchedBlobs are the blobs that a patched payload may refer to, with their sizes
// as far as they are known: those that the patch mentions and that are there, and
// those of the payload before.
func patchedBlobs(c *change, before []byte) map[string]opt.Value[int64] {
	known := map[string]opt.Value[int64]{}
	for _, id := range c.blobs {
		known[id] = opt.Value[int64]{}
	}
	for _, b := range payload.Binaries(before) {
		known[b.FileID] = opt.Of(b.Size)
	}
	return known
}

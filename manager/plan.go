package manager

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/storage"
)

// The bounds of a chunk. A resource is never divided, so that one with many
// large revisions makes a chunk beyond them.
const (
	defaultChunkRows = 1000
	chunkBytes       = 8 << 20
)

// The bounds of a load with [RaiseError] that is done as one unit of work.
const (
	singleRows  = 10_000
	singleBytes = 64 << 20
)

// Plan is what a checking pass finds out about an archive: how much there is and
// in which chunks it is loaded. It is immutable.
type Plan struct {
	// Models are the totals of what is to be loaded, by ascending name.
	Models []ModelPlan
	// Warnings are remarks that do not hinder the load, at most [MaxProblems].
	Warnings []Problem

	chunks []chunk
	infos  []storage.ModelInfo
	held   []string // blobs that payloads refer to and the store has, not the archive
	// lacked are models that the store did not have. A plan that was stored and read again
	// names none.
	lacked []string
}

// ModelPlan are the totals of one model in an archive.
type ModelPlan struct {
	Model     string
	Resources int64
	Revisions int64
	Blobs     int64
	// Bytes is the length of the frames.
	Bytes int64
	// Digest is that of the metas and revisions, repeats counted once.
	Digest Digest
}

// Resources returns how many resources are to be loaded.
func (p *Plan) Resources() int64 {
	var n int64
	for _, m := range p.Models {
		n += m.Resources
	}
	return n
}

// names returns the names of the models to be loaded, ascending.
func (p *Plan) names() []string {
	names := make([]string, len(p.Models))
	for i := range p.Models {
		names[i] = p.Models[i].Model
	}
	return names
}

// Bytes returns how many bytes of frames are to be loaded.
func (p *Plan) Bytes() int64 {
	var n int64
	for _, m := range p.Models {
		n += m.Bytes
	}
	return n
}

// blobs returns how many blobs are to be loaded.
func (p *Plan) blobs() int64 {
	var n int64
	for _, m := range p.Models {
		n += m.Blobs
	}
	return n
}

// Chunks returns in how many chunks the archive is loaded.
func (p *Plan) Chunks() int { return len(p.chunks) }

// chunk is a part of a load: whole resources of one model, or some of its blobs.
type chunk struct {
	model     string
	blobs     bool
	span      frame   // of a section grouped by resource; else
	frames    []frame // the frames one by one
	resources int64
	bytes     int64
}

// spans returns the ranges of bytes that the chunk is made of, in order.
func (ch *chunk) spans() []frame {
	if len(ch.frames) == 0 {
		return []frame{ch.span}
	}
	frames := slices.SortedFunc(slices.Values(ch.frames), func(a, b frame) int { return cmp.Compare(a.offset, b.offset) })
	spans := frames[:1]
	for _, f := range frames[1:] {
		if last := &spans[len(spans)-1]; last.offset+last.size == f.offset {
			last.size += f.size
		} else {
			spans = append(spans, f)
		}
	}
	return spans
}

// emptyStats are the counts of a load of which nothing is done.
func (p *Plan) emptyStats() map[string]LoadStats {
	stats := make(map[string]LoadStats, len(p.Models))
	for _, m := range p.Models {
		stats[m.Model] = LoadStats{}
	}
	return stats
}

// finish makes the plan once everything is checked.
func (ck *checker) finish() (*Plan, error) {
	p := &Plan{Warnings: ck.findings.Notes}
	totals := make(map[string]*ModelPlan)
	for _, s := range ck.sections {
		if !s.wanted {
			continue
		}
		t := totals[s.model.name]
		if t == nil {
			t = &ModelPlan{Model: s.model.name}
			totals[s.model.name] = t
			p.infos = append(p.infos, s.model.info())
		}
		for _, ch := range ck.chunksOf(s) {
			p.chunks = append(p.chunks, ch)
			t.Bytes += ch.bytes
			if ch.blobs {
				t.Blobs += int64(len(ch.frames))
			}
		}
		t.Resources += s.metas
		t.Revisions += s.revisions
		t.Digest = t.Digest.Add(s.digest)
	}
	for _, name := range ck.opts.Models {
		if totals[name] == nil {
			return nil, &RefusedError{
				Code: CodeModelUnknown, Model: name,
				Message: fmt.Sprintf("the archive has no section of model %s", name),
			}
		}
	}
	for _, t := range totals {
		p.Models = append(p.Models, *t)
	}
	slices.SortFunc(p.Models, func(a, b ModelPlan) int { return strings.Compare(a.Model, b.Model) })
	return p, nil
}

// chunksOf cuts a section into chunks: its blobs first, so that they are there
// before what refers to them.
func (ck *checker) chunksOf(s *section) []chunk {
	chunks := cutFrames(chunk{model: s.model.name, blobs: true}, ck.blobFrames(s), ck.opts.chunkRows())
	if s.grouped() {
		return append(chunks, s.cuts...)
	}
	return append(chunks, ck.regroup(s)...)
}

// blobFrames returns the frames of a section's blobs, each blob once.
func (ck *checker) blobFrames(s *section) [][]frame {
	seen := make(map[uint64]bool)
	var frames [][]frame
	first, _ := slices.BinarySearchFunc(ck.blobs, s.no, func(b blobMark, no int32) int { return cmp.Compare(b.section, no) })
	for _, b := range ck.blobs[first:] {
		if b.section != s.no {
			break
		}
		if !seen[b.id] {
			seen[b.id] = true
			frames = append(frames, []frame{b.frame})
		}
	}
	return frames
}

// cutFrames makes chunks of at most so many groups of frames, which must stay together;
// like tells what kind.
func cutFrames(like chunk, groups [][]frame, rows int64) []chunk {
	var chunks []chunk
	cur := like
	for _, g := range groups {
		if cur.resources >= rows || cur.bytes >= chunkBytes {
			chunks = append(chunks, cur)
			cur = like
		}
		cur.frames = append(cur.frames, g...)
		cur.resources++
		for _, f := range g {
			cur.bytes += f.size
		}
	}
	if len(cur.frames) > 0 {
		chunks = append(chunks, cur)
	}
	if like.blobs {
		for i := range chunks {
			chunks[i].resources = 0
		}
	}
	return chunks
}

// sumChunks adds up what chunks of a plan did.
func sumChunks(p *Plan, done []storage.Chunk) (ChunkOutcome, error) {
	sum := ChunkOutcome{Models: p.emptyStats(), Digests: make(map[string]Digest, len(p.Models))}
	for _, ch := range done {
		part, err := ReadChunkOutcome(ch)
		if err != nil {
			return sum, err
		}
		sum.Units += part.Units
		for model, s := range part.Models {
			sum.Models[model] = sum.Models[model].add(s)
		}
		for model, d := range part.Digests {
			sum.Digests[model] = sum.Digests[model].Add(d)
		}
	}
	return sum, nil
}

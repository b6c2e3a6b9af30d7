package manager

import (
	"bytes"
	"encoding/gob"
	"fmt"

	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/storage"
)

// planVersion is that of [planBody].
const planVersion = 1

// planBody is a plan as the ledger keeps it. It has what chunks are read by and what
// they must add up to; models are made and blobs touched before a plan is stored.
type planBody struct {
	Version int
	Models  []modelBody
	Chunks  []chunkBody
}

type modelBody struct {
	Model                               string
	Resources, Revisions, Blobs, Length int64
	Digest                              [2]uint64
}

// chunkBody is a chunk: one span, or frames, of each the distance from the end of the one
// before and the size.
type chunkBody struct {
	Model            int // of Models
	Blobs            bool
	Offset, Size     int64
	Frames           []int64
	Resources, Bytes int64
}

// Stored returns the plan as the ledger keeps it.
func (p *Plan) Stored() (storage.Plan, error) {
	body := planBody{Version: planVersion, Chunks: make([]chunkBody, len(p.chunks))}
	place := make(map[string]int, len(p.Models))
	for i, m := range p.Models {
		place[m.Model] = i
		body.Models = append(body.Models, modelBody{m.Model, m.Resources, m.Revisions, m.Blobs, m.Bytes, [2]uint64{m.Digest.hi, m.Digest.lo}})
	}
	for i := range p.chunks {
		ch := &p.chunks[i]
		body.Chunks[i] = chunkBody{
			Model: place[ch.model], Blobs: ch.blobs, Offset: ch.span.offset, Size: ch.span.size,
			Frames: distances(ch.frames), Resources: ch.resources, Bytes: ch.bytes,
		}
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(body); err != nil {
		return storage.Plan{}, fmt.Errorf("encode the plan of a load: %w", err)
	}
	sum := xxh3.Hash128(b.Bytes()).Bytes()
	return storage.Plan{Digest: sum[:], Chunks: len(p.chunks), Total: p.Resources(), Body: b.Bytes()}, nil
}

// ReadPlan reads a plan that the ledger kept. It has no warnings.
func ReadPlan(stored storage.Plan) (*Plan, error) {
	var body planBody
	if err := gob.NewDecoder(bytes.NewReader(stored.Body)).Decode(&body); err != nil {
		return nil, fmt.Errorf("read the plan of a load: %w", err)
	}
	switch {
	case body.Version != planVersion:
		return nil, fmt.Errorf("read the plan of a load: it has version %d, not %d: another release made it", body.Version, planVersion)
	case len(body.Chunks) != stored.Chunks:
		return nil, fmt.Errorf("read the plan of a load: %d chunks instead of %d", len(body.Chunks), stored.Chunks)
	}
	p := &Plan{chunks: make([]chunk, len(body.Chunks))}
	for _, m := range body.Models {
		p.Models = append(p.Models, ModelPlan{m.Model, m.Resources, m.Revisions, m.Blobs, m.Length, Digest{m.Digest[0], m.Digest[1]}})
	}
	for i, ch := range body.Chunks {
		if ch.Model < 0 || ch.Model >= len(p.Models) || len(ch.Frames)%2 != 0 {
			return nil, fmt.Errorf("read the plan of a load: chunk %d is damaged", i)
		}
		p.chunks[i] = chunk{
			model: p.Models[ch.Model].Model, blobs: ch.Blobs, span: frame{ch.Offset, ch.Size},
			frames: framesAt(ch.Frames), resources: ch.Resources, bytes: ch.Bytes,
		}
	}
	return p, nil
}

// distances are small numbers that say where frames are.
func distances(frames []frame) []int64 {
	if len(frames) == 0 {
		return nil
	}
	all := make([]int64, 0, 2*len(frames))
	end := int64(0)
	for _, f := range frames {
		all = append(all, f.offset-end, f.size)
		end = f.offset + f.size
	}
	return all
}

// framesAt is the opposite of distances.
func framesAt(distances []int64) []frame {
	var frames []frame
	end := int64(0)
	for i := 0; i+1 < len(distances); i += 2 {
		f := frame{end + distances[i], distances[i+1]}
		frames = append(frames, f)
		end = f.offset + f.size
	}
	return frames
}

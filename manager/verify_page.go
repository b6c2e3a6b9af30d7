package manager

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// verifyPage is how many resources are read at a time.
const verifyPage = 1000

// verifiedPage is some resources of a model. Their revisions are read by one goroutine;
// what they show is added to that of the pages before when its turn has come.
type verifiedPage struct {
	v     *verifier
	metas []resource.Meta
	done  chan struct{}

	// What follows is set when done is closed.
	err      error
	findings Findings
	blobs    map[string]resource.ID
	current  map[resource.RevisionKey]resource.RevisionInfo // of the metas
}

// run verifies the model page by page, a few of them at the same time.
func (v *verifier) run(ctx context.Context, metas storage.MetaReader) error {
	if err := v.pages(ctx, metas); err != nil {
		return err
	}
	return v.checkBlobs(ctx)
}

// pages has pages read and adds up, in order, what they show.
func (v *verifier) pages(ctx context.Context, metas storage.MetaReader) error {
	ctx, cancel := context.WithCancel(ctx)
	var reading errgroup.Group
	reading.SetLimit(max(1, v.readers))
	defer func() {
		cancel()
		_ = reading.Wait() // each page has its own error
	}()
	var ahead []*verifiedPage
	next := func() error {
		p := ahead[0]
		ahead = ahead[1:]
		<-p.done
		return v.add(p)
	}
	hand := func(metas []resource.Meta) error {
		p := &verifiedPage{v: v, metas: metas, done: make(chan struct{}), findings: Findings{OK: true}, blobs: make(map[string]resource.ID)}
		if v.readers == 0 {
			p.read(ctx)
		} else {
			reading.Go(func() error { p.read(ctx); return nil })
		}
		if ahead = append(ahead, p); len(ahead) <= v.readers {
			return nil
		}
		return next()
	}
	var page []resource.Meta
	for meta, err := range ascending(metas.All(ctx)) {
		if err != nil {
			return err
		}
		if page = append(page, meta); len(page) < verifyPage {
			continue
		}
		if err := hand(page); err != nil {
			return err
		}
		page = nil
	}
	if len(page) > 0 {
		if err := hand(page); err != nil {
			return err
		}
	}
	for len(ahead) > 0 {
		if err := next(); err != nil {
			return err
		}
	}
	return nil
}

// read verifies the revisions of the page.
func (p *verifiedPage) read(ctx context.Context) {
	defer close(p.done)
	p.err = Caught(func() error {
		p.current = make(map[resource.RevisionKey]resource.RevisionInfo, len(p.metas))
		for i := range p.metas {
			p.current[currentKey(p.metas[i])] = resource.RevisionInfo{}
		}
		for rev, err := range p.v.revisions.DumpAll(ctx, idsOf(p.metas)) {
			if err != nil {
				return err
			}
			p.revision(&rev)
			if _, ok := p.current[rev.Info.Key()]; ok {
				p.current[rev.Info.Key()] = rev.Info
			}
		}
		return nil
	})
}

// revision compares a payload with its hash and notes the blobs it refers to.
func (p *verifiedPage) revision(rev *resource.Revision) {
	info := &rev.Info
	if hasStaleHash(rev) {
		p.findings.note(staleHash(p.v.model, info, 0))
	} else if bad := checkRevision(rev); bad != nil {
		code := CodeHashWrong
		if bad.code != archive.CodeCorrupt {
			code = CodeUnreadable
		}
		p.findings.problem(problemIn(p.v.model, code, info.ResourceID, "%s", bad.message))
	}
	noteBlobs(p.blobs, rev)
}

// add adds what a page shows to what is known of the model. What could not be read to
// its end counts as far as it was.
func (v *verifier) add(p *verifiedPage) error {
	v.findings.add(p.findings)
	for id, by := range p.blobs {
		if _, ok := v.blobs[id]; !ok {
			v.blobs[id] = by
		}
	}
	if p.err != nil {
		return p.err
	}
	for i := range p.metas {
		v.meta(&p.metas[i], p.current[currentKey(p.metas[i])])
		v.holds(&p.metas[i])
	}
	v.verification.report(len(p.metas))
	return nil
}

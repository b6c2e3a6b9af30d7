package main

import (
	"bytes"
	"fmt"
	"runtime/pprof"
	"strings"

	"github.com/google/pprof/profile"
)

// stepNames are the steps of a unit of work whose CPU of the client is told apart.
var stepNames = []string{"read view", "compute", "encode metas", "encode payloads, infos", "ledger", "send, wait", "prepare", "runtime"}

// stepOf are the functions that a step is known by, as they end, each with its step.
var stepOf = map[string]string{
	"postgres.(*tx).newView": "read view", "postgres.(*tx).startUnit": "read view", "postgres.(*Factory).emptyView": "read view",
	"main.writeUnit.func1": "compute", "main.endedJobs": "compute",
	"postgres.(*Factory).encodeMetaRows": "encode metas", "postgres.(*metaRows).copied": "encode metas", "postgres.sparedOf": "encode metas", "postgres.encodedRows": "encode metas",
	"postgres.(*Factory).copyOfData": "encode payloads, infos", "postgres.(*Factory).copyOfEntries": "encode payloads, infos", "postgres.placedAll": "encode payloads, infos",
	"postgres.jobCopy.encode": "ledger", "postgres.newJobCopy": "ledger", "postgres.(*tx).writeLedger": "ledger",
	"postgres.(*outgoing).send": "send, wait", "postgres.(*outgoing).unit": "send, wait", "postgres.(*tx).learnID": "send, wait", "postgres.(*tx).commitHeld": "send, wait", "postgres.answers": "send, wait", "postgres.(*tx).begin": "send, wait", "postgres.(*tx).commit": "send, wait", "postgres.(*Factory).acquire": "send, wait",
	"main.writeUnit": "prepare",
}

// split is the client's CPU by step: samples of a profile.
type split struct {
	samples map[string]float64
	all     float64
}

// sample calls fn and adds where the client's CPU went meanwhile.
func (s *split) sample(fn func() error) error {
	var b bytes.Buffer
	if err := pprof.StartCPUProfile(&b); err != nil {
		return fmt.Errorf("profile the client: %w", err)
	}
	err := fn()
	pprof.StopCPUProfile()
	if err != nil {
		return err
	}
	p, err := profile.Parse(&b)
	if err != nil {
		return fmt.Errorf("read the client's profile: %w", err)
	}
	if s.samples == nil {
		s.samples = map[string]float64{}
	}
	for _, x := range p.Sample {
		n := float64(x.Value[0])
		s.samples[step(x)] += n
		s.all += n
	}
	return nil
}

// step is the innermost step that a sample was taken in. What belongs to none is the
// runtime's: garbage collection, scheduling.
func step(x *profile.Sample) string {
	for _, at := range x.Location {
		for _, line := range at.Line {
			name := line.Function.Name
			if name, ok := stepOf[name[strings.LastIndexByte(name, '/')+1:]]; ok {
				return name
			}
		}
	}
	return "runtime"
}

// share returns how much of cpu went into each step.
func (s *split) share(cpu float64) map[string]float64 {
	if s.all == 0 {
		return nil
	}
	shares := map[string]float64{}
	for _, name := range stepNames {
		shares[name] = cpu * s.samples[name] / s.all
	}
	return shares
}

package consumer_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// TestADividedLoadIsSeenWhileWorkersDoIt: when some of its chunks are done, and when the
// others wait.
func TestADividedLoadIsSeenWhileWorkersDoIt(t *testing.T) {
	archive := people(t, 6*perChunk, "new")
	onEveryStore(t, func(t *testing.T, w *world) {
		w.divide(archive)
		reached, goOn := make(chan struct{}), make(chan struct{})
		leave := sync.OnceFunc(func() { close(goOn) })
		defer leave() // whatever fails here, the worker ends
		var n atomic.Int64
		w.hooked(func() {
			if n.Add(1) == 3 {
				close(reached)
			}
			if n.Load() >= 3 {
				<-goOn
			}
		}, func(jobs.Verdict) {})
		w.start()
		r := w.load(manager.RaiseError)
		<-reached
		w.until("the load is seen in the midst of it", func() error {
			row, err := w.factory.Ledger().Get(t.Context(), r.ID)
			if err != nil {
				return err
			}
			tree, err := jobs.TreeOf(t.Context(), w.factory.Ledger(), row, time.Now())
			if err != nil {
				return err
			}
			p := tree.Progress
			if p.Stage != jobs.StageChunks || p.Chunks.Total != 6 || p.Chunks.Done < 2 || p.Total != 6*perChunk || p.Done != int64(perChunk*p.Chunks.Done) {
				return fmt.Errorf("progress %+v, %+v", p, p.Chunks)
			}
			if p.Rate <= 0 || p.Remaining <= 0 || len(p.Workers) != 1 || p.Workers[0].Worker != "worker-1" || p.Workers[0].Units != p.Done {
				return fmt.Errorf("progress %+v", p)
			}
			if len(tree.Caused) > 0 {
				return fmt.Errorf("chunks are taken for caused jobs: %+v", tree.Caused)
			}
			return nil
		})
		leave()
		row := w.wait(storage.JobDone, r)[0]
		v, err := jobs.LiveView(t.Context(), w.factory.Ledger(), row, time.Now())
		if err != nil || v.Progress.Done != 6*perChunk || v.Progress.Stage != "" || v.Progress.Chunks != nil {
			t.Errorf("in the end %+v, %v", v.Progress, err)
		}
	})
}

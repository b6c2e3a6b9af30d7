package progress

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLinesAreAtMostOneEveryTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := New(&out, Lines)
		task := b.Start("load", "resources", 0)
		for i := range int64(50) {
			time.Sleep(100 * time.Millisecond)
			task.Update(i*10, 1000)
		}
		task.End("done")
		task.Update(1000, 1000)
		task.End("done twice")
		b.Wait()
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		want := []string{
			"load: started",
			"load: 190 of 1000 resources (19%), 95/s",
			"load: 390 of 1000 resources (39%), 98/s",
			"load: done, 490 of 1000 resources (49%), 98/s in 5s",
		}
		if strings.Join(lines, "\n") != strings.Join(want, "\n") {
			t.Fatalf("lines:\n%s\nwant:\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestWorkThatWasDoneBeforeHasNoRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := New(&out, Lines)
		task := b.Start("load", "resources", 1000)
		task.Update(1000, 1000)
		task.End("done")
		if want := "load: started\nload: done, 1000 of 1000 resources (100%) in 0s\n"; out.String() != want {
			t.Fatalf("lines:\n%s\nwant:\n%s", out.String(), want)
		}
	})
}

func TestNoneWritesNothing(t *testing.T) {
	var out bytes.Buffer
	b := New(&out, None)
	task := b.Start("load", "resources", 10)
	task.Update(10, 10)
	task.End("done")
	b.Wait()
	if out.Len() != 0 {
		t.Fatalf("wrote %q", out.String())
	}
}

func TestBarsEndWhetherFullOrNot(t *testing.T) {
	var out bytes.Buffer
	b := New(&out, Bars)
	full, cut := b.Start("full", "things", 10), b.Start("cut", "things", 0)
	full.Update(10, 10)
	cut.Update(3, 10)
	full.End("done")
	cut.End("stopped")
	b.Wait() // hangs when a bar is left running
	if got := out.String(); !strings.Contains(got, "full") || !strings.Contains(got, "cut") {
		t.Fatalf("bars = %q", got)
	}
}

func TestPartsAndNotes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := New(&out, Lines)
		task := b.Start("load", "resources", 0)
		planning := task.Start("planning", "", 0)
		time.Sleep(3 * time.Second)
		planning.End("done")
		chunks := task.Start("chunks", "chunks", 0)
		time.Sleep(2 * time.Second)
		chunks.UpdateWith(1, 2, "host-1, host-2")
		task.UpdateWith(10, 20, "5/s, 2s left")
		chunks.UpdateWith(2, 2, "")
		chunks.End("done")
		task.UpdateWith(20, 20, "")
		task.End("done")
		b.Wait()
		want := strings.Join([]string{
			"load: started",
			"load, planning: started",
			"load, planning: done in 3s",
			"load, chunks: started",
			"load, chunks: 1 of 2 chunks (50%), host-1, host-2",
			"load: 10 of 20 resources (50%), 5/s, 2s left",
			"load, chunks: done, 2 of 2 chunks (100%) in 2s",
			"load: done, 20 of 20 resources (100%) in 5s",
		}, "\n") + "\n"
		if out.String() != want {
			t.Fatalf("lines:\n%s\nwant:\n%s", out.String(), want)
		}
	})
}

func TestBarsOfPartsAreBelowTheirTask(t *testing.T) {
	var out bytes.Buffer
	b := New(&out, Bars)
	task := b.Start("load", "resources", 20)
	planning, chunks := task.Start("planning", "", 0), task.Start("chunks", "chunks", 2)
	planning.End("done")
	chunks.UpdateWith(2, 2, "host-1")
	task.UpdateWith(20, 20, "5/s, 2s left")
	chunks.End("done")
	task.End("done")
	b.Wait() // hangs when a bar is left running
	for _, want := range []string{"load", "  planning", "  chunks", "host-1", "5/s, 2s left"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("bars lack %q: %q", want, out.String())
		}
	}
}

package gctune

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestAdvisedMemoryIsGivenBack(t *testing.T) {
	percent := debug.SetGCPercent(50)
	defer debug.SetGCPercent(percent)
	adviseHuge()
	if got := debug.SetGCPercent(50); got != 50 {
		t.Errorf("the collector's target is %d, was 50", got)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc >= hugeBytes || m.HeapSys < hugeBytes {
		t.Errorf("%d bytes of %d are in use", m.HeapAlloc, m.HeapSys)
	}
}

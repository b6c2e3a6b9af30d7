package postgres

import (
	"errors"
	"testing"
	"time"
)

// A reader of a snapshot that ends is not held up by one that waits for a connection.
func TestSnapshotGivesBackWhileAnotherReaderWaits(t *testing.T) {
	f := openSwept(t, Config{Connections: 2})
	s := snapshotOf(t, f)
	rows, err := s.Query(t.Context(), `SELECT 1`)
	if err != nil {
		t.Fatal(err)
	}
	last, err := f.acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() {
		rows, err := s.Query(t.Context(), `SELECT 1`)
		if err == nil {
			rows.Close()
		}
		waited <- err
	}()
	time.Sleep(50 * time.Millisecond) // it waits now
	ended := make(chan struct{})
	go func() { rows.Close(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("a reader cannot end while another one waits")
	}
	last.Release()
	if err := <-waited; err != nil {
		t.Error(err)
	}
}

// A snapshot that is closed while somebody reads lets that reader end, and then holds
// no connection.
func TestSnapshotClosedWhileItIsRead(t *testing.T) {
	f := openSwept(t, Config{})
	s := snapshotOf(t, f)
	rows, err := s.Query(t.Context(), `SELECT generate_series(1, 5000)`)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		n++
	}
	rows.Close()
	if rows.Err() != nil || n != 5000 {
		t.Errorf("%d rows are read, %v", n, rows.Err())
	}
	if n := f.pool.Stat().AcquiredConns(); n != 0 {
		t.Errorf("%d connections are in use", n)
	}
	if _, err := s.Query(t.Context(), `SELECT 1`); !errors.Is(err, errSnapshotClosed) {
		t.Errorf("a closed snapshot answers: %v", err)
	}
}

func snapshotOf(t *testing.T, f *Factory) *snapshot {
	t.Helper()
	s, err := f.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.(*snapshot)
}

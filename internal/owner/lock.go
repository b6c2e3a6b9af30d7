package owner

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// stateDir is the directory of our local state below a data directory.
const stateDir = ".worker"

// Dir returns the directory of local state below the data directory.
func Dir(data string) string { return filepath.Join(data, stateDir) }

// Lock is the ownership of a data directory. It ends with Close or with the
// process.
type Lock struct {
	data string
	file *os.File
}

// holder is the content of the lock file: who took the lock last.
type holder struct {
	PID     int    `json:"pid"`
	Command string `json:"command"`
}

// HeldError says that another process owns the data directory.
type HeldError struct {
	// Data is the data directory.
	Data string
	// PID and Command tell who owns it; 0 and empty when it has not said so yet.
	PID     int
	Command string
}

// Error names the owner and the directory.
func (e *HeldError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d (worker %s)", e.PID, e.Command)
	}
	return fmt.Sprintf("data directory %s belongs to %s", e.Data, who)
}

// Acquire takes the ownership of a data directory, making the directory when it
// is not there; a *HeldError when another process has it. command is shown to
// processes that are refused. A card that a former owner left is removed.
func Acquire(data, command string) (*Lock, error) {
	dir := Dir(data)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			h := readHolder(path)
			return nil, &HeldError{Data: data, PID: h.PID, Command: h.Command}
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	l := &Lock{data: data, file: f}
	if err := l.sign(command); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// sign removes the card of a former owner and writes who the new one is.
func (l *Lock) sign(command string) error {
	if err := l.Retract(); err != nil {
		return fmt.Errorf("forget a former owner: %w", err)
	}
	b, err := json.Marshal(holder{PID: os.Getpid(), Command: command})
	if err != nil {
		return fmt.Errorf("encode lock: %w", err)
	}
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("write lock: %w", err)
	}
	if _, err := l.file.WriteAt(b, 0); err != nil {
		return fmt.Errorf("write lock: %w", err)
	}
	return nil
}

// Retract removes the card: nobody is to connect any more. Those who look for
// the owner wait for the lock then.
func (l *Lock) Retract() error {
	if err := os.Remove(cardPath(l.data)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove endpoint: %w", err)
	}
	return nil
}

// Close removes the card and gives the directory up.
func (l *Lock) Close() error { return errors.Join(l.Retract(), l.file.Close()) }

// readHolder returns who holds the lock as far as the file tells.
func readHolder(path string) holder {
	var h holder
	b, err := os.ReadFile(path)
	if err == nil {
		// A file that is just being written tells nothing yet, like an absent one.
		_ = json.Unmarshal(b, &h)
	}
	return h
}

package owner

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/uuid"
)

// Card tells other processes how to reach the owner of a data directory. It
// holds a secret and is readable by the owner's user alone.
type Card struct {
	// URL and Token connect to the owner's NATS server.
	URL   string `json:"url"`
	Token string `json:"token"`
	// PID is the owner's process.
	PID int `json:"pid"`
	// Store is the id of the store whose jobs the owner does.
	Store uuid.UUID `json:"store"`
	// Queue is the id of the queue that the server holds.
	Queue uuid.UUID `json:"queue"`
	// Uploads is where the owner looks for uploaded archives.
	Uploads string `json:"uploads,omitempty"`
	// Settings are the owner's, by flag name: those that the jobs of this store
	// depend on and that others may not contradict.
	Settings map[string]string `json:"settings,omitempty"`
}

func cardPath(data string) string { return filepath.Join(Dir(data), "endpoint.json") }

// Publish writes the card for others to find. It replaces a former card as a
// whole.
func (l *Lock) Publish(c Card) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encode endpoint: %w", err)
	}
	if err := writeFile(cardPath(l.data), append(b, '\n')); err != nil {
		return fmt.Errorf("publish endpoint: %w", err)
	}
	return nil
}

// ReadCard returns the card in a data directory, os.ErrNotExist when there is
// none. Whether it is valid only the lock tells, see [Enter].
func ReadCard(data string) (Card, error) {
	b, err := os.ReadFile(cardPath(data))
	if err != nil {
		return Card{}, fmt.Errorf("read endpoint: %w", err)
	}
	var c Card
	if err := json.Unmarshal(b, &c); err != nil {
		return Card{}, fmt.Errorf("read endpoint %s: %w", cardPath(data), err)
	}
	return c, nil
}

// QueueID returns the id of the queue in the directory, and whether it has just been made,
// which it is the first time. Only the owner may ask.
func (l *Lock) QueueID() (id uuid.UUID, made bool, err error) {
	path := filepath.Join(Dir(l.data), "queue-id")
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		id := uuid.New()
		if err := writeFile(path, []byte(id.String())); err != nil {
			return uuid.Nil, false, fmt.Errorf("make queue id: %w", err)
		}
		return id, true, nil
	}
	if err != nil {
		return uuid.Nil, false, fmt.Errorf("read queue id: %w", err)
	}
	if id, err = uuid.ParseBytes(b); err != nil {
		return uuid.Nil, false, fmt.Errorf("read queue id %s: %w", path, err)
	}
	return id, false, nil
}

// writeFile replaces a file as a whole, readable by its owner alone.
func writeFile(path string, b []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

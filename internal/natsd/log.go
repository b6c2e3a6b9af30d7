package natsd

import (
	"errors"
	"fmt"
	"strings"
	"sync"
)

// keepErrors is a server log that keeps the first errors of the start and
// drops the rest.
type keepErrors struct {
	mu   sync.Mutex
	text []string
}

// reason returns what the server said was wrong.
func (l *keepErrors) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.text) == 0 {
		return errors.New("the server did not become ready in time")
	}
	return errors.New(strings.Join(l.text, "; "))
}

func (l *keepErrors) keep(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.text) < 5 {
		l.text = append(l.text, fmt.Sprintf(format, args...))
	}
}

// The methods of the server's log interface.
func (l *keepErrors) Errorf(format string, args ...any) { l.keep(format, args...) }
func (l *keepErrors) Fatalf(format string, args ...any) { l.keep(format, args...) }
func (l *keepErrors) Noticef(string, ...any)            {}
func (l *keepErrors) Warnf(string, ...any)              {}
func (l *keepErrors) Debugf(string, ...any)             {}
func (l *keepErrors) Tracef(string, ...any)             {}

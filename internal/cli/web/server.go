// Package web is the HTTP listener of a running worker: liveness, readiness,
// metrics, and the jobs to look at. It changes nothing.
package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"github.com/specstar-worker/worker/internal/cli/jobfilter"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// Limits of the server: a slow or greedy client holds no more than this.
const (
	readHeaderTimeout = 5 * time.Second
	requestTimeout    = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	defaultJobs       = 100
	maxJobs           = 1000
)

// Config says what the listener shows.
type Config struct {
	// Ledger holds the jobs.
	Ledger storage.Ledger
	// Ready returns why the worker does not take jobs now, nil when it does.
	Ready func(context.Context) error
	// Metrics are served under /metrics.
	Metrics prometheus.Gatherer
	// Log takes what goes wrong while answering.
	Log *zap.Logger
}

// ListenError says that the address cannot be listened on.
type ListenError struct {
	Addr string
	Err  error
}

// Error names the address and the way out.
func (e *ListenError) Error() string {
	why := e.Err.Error()
	if errors.Is(e.Err, syscall.EADDRINUSE) {
		why = "the port is in use by another process"
	}
	return fmt.Sprintf("listen on %s: %s; choose another with --listen ADDR, or --listen off", e.Addr, why)
}

// Unwrap returns the cause.
func (e *ListenError) Unwrap() error { return e.Err }

// Server is a started listener.
type Server struct {
	http *http.Server
	addr net.Addr
	done chan error
}

// Start listens on addr and serves until Close. Errors: *ListenError.
func Start(ctx context.Context, addr string, c Config) (*Server, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, &ListenError{Addr: addr, Err: err}
	}
	s := &Server{addr: l.Addr(), done: make(chan error, 1), http: &http.Server{
		Handler:           Handler(c),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          zap.NewStdLog(c.Log),
	}}
	go func() { s.done <- s.http.Serve(l) }()
	return s, nil
}

// Addr returns the address that is listened on.
func (s *Server) Addr() string { return s.addr.String() }

// Close stops listening and waits for running requests until ctx ends.
func (s *Server) Close(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("close HTTP listener: %w", err), s.http.Close())
	}
	if err := <-s.done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	return nil
}

// Handler returns the routes.
func Handler(c Config) http.Handler {
	h := handler{Config: c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { h.write(w, http.StatusOK, status{"ok", ""}) })
	mux.HandleFunc("GET /readyz", h.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(c.Metrics, promhttp.HandlerOpts{ErrorLog: zap.NewStdLog(c.Log)}))
	mux.HandleFunc("GET /jobs", h.jobs)
	mux.HandleFunc("GET /jobs/{id}", h.job)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

type handler struct{ Config }

type status struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

type problem struct {
	Error jobs.ErrorView `json:"error"`
}

func (h handler) ready(w http.ResponseWriter, r *http.Request) {
	if err := h.Ready(r.Context()); err != nil {
		h.write(w, http.StatusServiceUnavailable, status{"not ready", err.Error()})
		return
	}
	h.write(w, http.StatusOK, status{"ready", ""})
}

func (h handler) job(w http.ResponseWriter, r *http.Request) {
	j, err := jobfilter.Find(r.Context(), h.Ledger, r.PathValue("id"))
	switch {
	case errors.Is(err, storage.ErrNotFound):
		h.refuse(w, http.StatusNotFound, "not_found", "no such job")
	case err != nil:
		h.fail(w, err)
	default:
		tree, err := jobs.TreeOf(r.Context(), h.Ledger, j, time.Now())
		if err != nil {
			h.fail(w, err)
			return
		}
		h.write(w, http.StatusOK, tree)
	}
}

// fail answers without telling a client about our inside; the log gets it.
func (h handler) fail(w http.ResponseWriter, err error) {
	h.Log.Warn("request failed", zap.Error(err))
	h.refuse(w, http.StatusServiceUnavailable, "unavailable", "the store did not answer; see the worker's log")
}

func (h handler) refuse(w http.ResponseWriter, code int, name, message string) {
	h.write(w, code, problem{jobs.ErrorView{Code: name, Message: message}})
}

func (h handler) write(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		h.Log.Debug("client went away", zap.Error(err))
	}
}

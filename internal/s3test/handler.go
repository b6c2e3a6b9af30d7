package s3test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// handler stands before the server proper: it counts, breaks and refuses.
type handler struct {
	next   http.Handler
	closed chan struct{} // hanging requests end

	mu     sync.Mutex
	counts map[Operation]int
	plans  []*plan
	random *rand.Rand
	lacks  Lacks
}

func newHandler(next http.Handler) *handler {
	h := &handler{next: next, closed: make(chan struct{}), counts: map[Operation]int{}}
	h.seed(1)
	return h
}

// ServeHTTP answers one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	op, key := operationOf(r)
	fault, fails, lacks := h.note(op, key)
	if fails {
		h.wait(r, fault.Delay)
	}
	if status, answered := statuses[fault.Kind]; fails && answered {
		answer{status, string(fault.Kind)}.write(w, r)
		return
	}
	switch fault.Kind {
	case Hang:
		h.wait(r, time.Hour)
		panic(http.ErrAbortHandler)
	case DropRequest:
		panic(http.ErrAbortHandler)
	}
	if refusal := refuse(r, lacks); refusal != nil {
		refusal.write(w, r)
		return
	}
	switch fault.Kind {
	case DropResponse:
		h.next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case CutResponse:
		cut(h.next, w, r)
	default:
		h.next.ServeHTTP(w, r)
	}
}

// refuse returns the answer to a request that does not even come to be tried.
func refuse(r *http.Request, lacks Lacks) *answer {
	if !authorised(r) {
		return &answer{http.StatusForbidden, "InvalidAccessKeyId"}
	}
	if refusal := lacks.apply(r); refusal != nil {
		return refusal
	}
	if r.Method != http.MethodPut && r.Method != http.MethodPost {
		return nil
	}
	refusal, err := receive(r)
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	return refusal
}

// authorised reports whether the request names the account, in a header or, for
// presigned ones, in the address.
func authorised(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Authorization"), "Credential="+AccessKey+"/") ||
		strings.HasPrefix(r.URL.Query().Get("X-Amz-Credential"), AccessKey+"/")
}

// cut answers with half of the body and breaks the connection.
func cut(next http.Handler, w http.ResponseWriter, r *http.Request) {
	whole := httptest.NewRecorder()
	next.ServeHTTP(whole, r)
	body := whole.Body.Bytes()
	maps.Copy(w.Header(), whole.Header())
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(whole.Code)
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// note counts a request and decides what goes wrong with it.
func (h *handler) note(op Operation, key string) (f Fault, fails bool, l Lacks) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[op]++
	for _, p := range h.plans {
		if p.concerns(op, key) && p.strikes(h.random.Float64) {
			return p.Fault, true, h.lacks
		}
	}
	return Fault{}, false, h.lacks
}

// wait returns after d, or when there is nobody left to answer.
func (h *handler) wait(r *http.Request, d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	case <-h.closed:
	}
}

// release ends the requests that hang.
func (h *handler) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.closed:
	default:
		close(h.closed)
	}
}

func (h *handler) countsSoFar() map[Operation]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.counts)
}

func (h *handler) resetCounts() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.counts)
}

func (h *handler) fail(faults []Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.plans = nil
	for _, f := range faults {
		if f.Kind == "" {
			f.Kind = SlowDown
		}
		h.plans = append(h.plans, &plan{Fault: f})
	}
}

func (h *handler) seed(seed uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.random = rand.New(rand.NewPCG(seed, 0))
}

func (h *handler) lack(l Lacks) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lacks = l
}

// answer is an error as S3 sends it.
type answer struct {
	status int
	code   string
}

func (a answer) write(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>a fault of the test</Message></Error>", a.code)
	}
}

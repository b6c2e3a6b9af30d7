package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/specstar-worker/worker/internal/cli/jobfilter"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// jobs lists jobs, newest first, by the filters of worker jobs list. A page that is full
// names the next one in a Link header.
func (h handler) jobs(w http.ResponseWriter, r *http.Request) {
	f, err := h.filter(r)
	if bad, is := errors.AsType[*jobfilter.ValueError](err); is {
		h.refuse(w, http.StatusBadRequest, "invalid", bad.Error())
		return
	}
	if err != nil {
		h.fail(w, err)
		return
	}
	running, err := jobs.RunningOf(r.Context(), h.Ledger, f, time.Now())
	if err != nil {
		h.fail(w, err)
		return
	}
	list := []jobs.View{}
	var last storage.Job
	for j, err := range h.Ledger.List(r.Context(), f) {
		if err != nil {
			h.fail(w, err)
			return
		}
		list, last = append(list, running.View(j)), j
	}
	if len(list) == f.Limit {
		w.Header().Set("Link", nextPage(r.URL, last))
	}
	h.write(w, http.StatusOK, list)
}

// nextPage is the header that names the page after a job.
func nextPage(u *url.URL, last storage.Job) string {
	q := u.Query()
	q.Set(jobfilter.After, last.ID.String())
	return fmt.Sprintf(`<%s?%s>; rel="next"`, u.Path, q.Encode())
}

// filter reads the parameters of a request. The error is a *[jobfilter.ValueError], or
// that of the ledger.
func (h handler) filter(r *http.Request) (storage.JobFilter, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return storage.JobFilter{}, &jobfilter.ValueError{Name: "query", Value: r.URL.RawQuery, Why: "cannot be read"}
	}
	f := jobfilter.Filter{
		Kind: q.Get(jobfilter.Kind), Model: q.Get(jobfilter.Model), Code: q.Get(jobfilter.Code), Parent: q.Get(jobfilter.Parent),
		Since: q.Get(jobfilter.Since), Until: q.Get(jobfilter.Until), After: q.Get(jobfilter.After),
	}
	for name, values := range q {
		if !slices.Contains(jobfilter.Names(), name) {
			return storage.JobFilter{}, &jobfilter.ValueError{Name: "parameter", Value: name, Why: "is not known; use " + strings.Join(jobfilter.Names(), ", ")}
		}
		if len(values) > 1 && name != jobfilter.State {
			return storage.JobFilter{}, &jobfilter.ValueError{Name: name, Value: values[1], Why: "is given, too; give it once"}
		}
	}
	for _, s := range q[jobfilter.State] {
		f.States = append(f.States, strings.Split(s, ",")...)
	}
	if f.Limit, err = limit(q); err != nil {
		return storage.JobFilter{}, err
	}
	return f.Parse(r.Context(), h.Ledger)
}

// limit returns how many jobs a page has.
func limit(q url.Values) (int, error) {
	if !q.Has(jobfilter.Limit) {
		return defaultJobs, nil
	}
	s := q.Get(jobfilter.Limit)
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxJobs {
		return 0, &jobfilter.ValueError{Name: jobfilter.Limit, Value: s, Why: fmt.Sprintf("is not a number from 1 to %d", maxJobs)}
	}
	return n, nil
}

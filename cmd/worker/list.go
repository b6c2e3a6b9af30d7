package main

import "github.com/specstar-worker/worker/internal/cli/render"

// complete ends a list of results: as a whole, or where it is because of err.
func complete(list *render.List, err error) error {
	if err == nil {
		return list.Close()
	}
	f := explain(err)
	if f.Code == codeInterrupted {
		f.Message = "interrupted; the list is not complete"
	}
	if f.open, err = list.Break(); err != nil {
		f.Message += "; " + err.Error()
	}
	return &f
}

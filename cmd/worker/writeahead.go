package main

import "os"

// aheadBytes is how much of a file is written before the disk is told to begin with it.
const aheadBytes = 2 << 20

// aheadWriter writes a file and has the disk begin with it meanwhile: less is left for the
// sync at the end.
type aheadWriter struct {
	file        *os.File
	wrote, told int64
}

// Write implements io.Writer.
func (w *aheadWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	if w.wrote += int64(n); w.wrote-w.told >= aheadBytes {
		beginSync(w.file, w.told, w.wrote-w.told)
		w.told = w.wrote
	}
	return n, err
}

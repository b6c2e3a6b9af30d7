package pypeer

import "time"

// Timing is what one run of the original took, measured inside its process.
type Timing struct {
	Wall, CPU time.Duration
	// Resources is how many resources the run was about.
	Resources int
}

// TimeRead has the original read an archive: frames, metas and revisions as its
// own structs. It is done so many times; the timing is that of one pass.
func (p *Peer) TimeRead(path string, passes int) (Timing, error) {
	return p.timed("time_read", map[string]any{"path": path, "passes": passes})
}

// TimeWrite has the original write the records of an archive anew, from structs
// in memory. It is done so many times; the timing is that of one pass.
func (p *Peer) TimeWrite(path, out string, passes int) (Timing, error) {
	return p.timed("time_write", map[string]any{"path": path, "out": out, "passes": passes})
}

// TimeLoad has the original load an archive of the model "item" into an empty
// store in dir: SQLite metas, revisions on disk, duplicates refused.
func (p *Peer) TimeLoad(dir, path string) (Timing, error) {
	return p.timed("time_load", map[string]any{"directory": dir, "path": path})
}

// TimeDump has the original dump the store in dir.
func (p *Peer) TimeDump(dir, out string) (Timing, error) {
	return p.timed("time_dump", map[string]any{"directory": dir, "out": out})
}

// TimePostgresLoad has the original load an archive of the model "item" into the
// empty database of dsn by its PostgresStorageFactory. With keep its pools keep their
// connections open, as they do not by themselves.
func (p *Peer) TimePostgresLoad(dsn, path string, keep bool) (Timing, error) {
	return p.timed("time_pg_load", map[string]any{"dsn": dsn, "path": path, "keep": keep})
}

// TimePostgresDump has the original dump the database.
func (p *Peer) TimePostgresDump(dsn, out string, keep bool) (Timing, error) {
	return p.timed("time_pg_dump", map[string]any{"dsn": dsn, "out": out, "keep": keep})
}

// TimePostgresBackfill has the original backfill the model "item" of the database.
func (p *Peer) TimePostgresBackfill(dsn string, keep bool) (Timing, error) {
	return p.timed("time_pg_backfill", map[string]any{"dsn": dsn, "keep": keep})
}

// TimePostgresSaves has the original create n resources, one after another.
func (p *Peer) TimePostgresSaves(dsn string, n int, keep bool) (Timing, error) {
	return p.timed("time_pg_saves", map[string]any{"dsn": dsn, "n": n, "keep": keep})
}

// TimePostgresLists has the original list n resources with their payloads, those that
// were changed last, as often as passes says. The timing is that of one list.
func (p *Peer) TimePostgresLists(dsn string, n, passes int, keep bool) (Timing, error) {
	return p.timed("time_pg_lists", map[string]any{"dsn": dsn, "n": n, "passes": passes, "keep": keep})
}

func (p *Peer) timed(op string, args map[string]any) (Timing, error) {
	var r struct {
		Wall, CPU float64 // seconds
		Resources int
	}
	if err := p.Call(op, args, &r); err != nil {
		return Timing{}, err
	}
	return Timing{Wall: seconds(r.Wall), CPU: seconds(r.CPU), Resources: r.Resources}, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

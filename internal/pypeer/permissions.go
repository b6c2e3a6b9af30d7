package pypeer

import "encoding/json"

// Permissions is a permission checker of the original with its entries, in memory.
type Permissions struct {
	peer *Peer
	name string
}

// Request is a question to a checker: may User do Action, one bit of the
// original's ResourceAction, with Model?
type Request struct {
	User   string
	Action int
	Model  string
}

// Permissions makes a checker. kind is acl or rbac, policy the bits of the
// original's Policy.
func (p *Peer) Permissions(kind string, policy int) (*Permissions, error) {
	c := &Permissions{peer: p, name: p.name()}
	return c, c.call("new", map[string]any{"kind": kind, "policy": policy}, nil)
}

// Add creates entries from their JSON form, the first one as the oldest.
func (c *Permissions) Add(records []json.RawMessage) error {
	return c.call("add", map[string]any{"records": records}, nil)
}

// Dump writes an archive of the entries.
func (c *Permissions) Dump(path string) error {
	return c.call("dump", map[string]any{"path": path}, nil)
}

// Load loads an archive of entries.
func (c *Permissions) Load(path string) error {
	return c.call("load", map[string]any{"path": path}, nil)
}

// Ask returns the answers: allow or deny.
func (c *Permissions) Ask(requests []Request) (answers []string, err error) {
	rows := make([][]any, len(requests))
	for i, r := range requests {
		rows[i] = []any{r.User, r.Action, r.Model}
	}
	return answers, c.call("ask", map[string]any{"requests": rows}, &answers)
}

func (c *Permissions) call(op string, args map[string]any, result any) error {
	args["name"] = c.name
	return c.peer.Call("permission_"+op, args, result)
}

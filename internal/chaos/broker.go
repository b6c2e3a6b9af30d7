package chaos

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/specstar-worker/worker/internal/faultproxy"
)

// startWithin is how long a service may take to start.
const startWithin = 30 * time.Second

// node is a nats-server with JetStream.
type node struct {
	name, dir, log, config, program string
	// workers and clients connect through proxies of their own.
	workers, clients *faultproxy.Proxy
	// routes are its ways to the other nodes, by their names.
	routes map[string]*faultproxy.Proxy
	// volume is what its store lies on, where that can be filled up.
	volume *volume

	mu      sync.Mutex
	process *process
	address string // where it listens now
}

// nodeConfig is the configuration of a node; cluster is empty for a single one.
const nodeConfig = `server_name: %s
listen: 127.0.0.1:-1
ports_file_dir: %q
authorization { token: %q }
max_payload: 1MB
jetstream {
  store_dir: %q
  max_file_store: 4GB
  max_memory_store: 64MB
  sync_interval: always
}
%s`

// clusterConfig joins a node with others. What it would tell them of its address leads
// nowhere: they are to come by the proxies.
const clusterConfig = `cluster {
  name: chaos
  listen: %s
  advertise: "127.0.0.1:1"
  no_advertise: true
  routes: [%s]
}
`

// newNodes prepares n nodes below a directory; they are not started.
func newNodes(program, dir, logs string, n int, token string) (nodes []*node, err error) {
	defer func() {
		if err != nil {
			for _, x := range nodes {
				x.close()
			}
		}
	}()
	addresses, err := freeAddresses(n)
	if err != nil {
		return nil, err
	}
	for i := range n {
		x := &node{name: nameOf(i), program: program}
		x.dir, x.log = filepath.Join(dir, x.name), filepath.Join(logs, "nats-"+x.name+".log")
		x.config = filepath.Join(dir, x.name+".conf")
		if err := os.MkdirAll(x.ports(), 0o700); err != nil {
			return nodes, err
		}
		cluster := ""
		if n > 1 {
			if x.routes, err = routesFrom(i, addresses); err != nil {
				return append(nodes, x), err
			}
			var to []string
			for _, p := range x.routes {
				to = append(to, "nats://"+p.Addr())
			}
			cluster = fmt.Sprintf(clusterConfig, addresses[i], strings.Join(to, ", "))
		}
		text := fmt.Sprintf(nodeConfig, x.name, x.ports(), token, filepath.Join(x.dir, "store"), cluster)
		if err := os.WriteFile(x.config, []byte(text), 0o600); err != nil {
			return nodes, err
		}
		if x.workers, err = faultproxy.Start(x.target); err != nil {
			return nodes, err
		}
		if x.clients, err = faultproxy.Start(x.target); err != nil {
			return append(nodes, x), err
		}
		nodes = append(nodes, x)
	}
	return nodes, nil
}

// nameOf is the name of the i-th node.
func nameOf(i int) string { return fmt.Sprint("n", i+1) }

// routesFrom starts proxies on the ways from one node to each of the others.
func routesFrom(from int, addresses []string) (map[string]*faultproxy.Proxy, error) {
	routes := map[string]*faultproxy.Proxy{}
	for to, address := range addresses {
		if to == from {
			continue
		}
		p, err := faultproxy.Start(func() (string, string) { return "tcp", address })
		if err != nil {
			return routes, err
		}
		routes[nameOf(to)] = p
	}
	return routes, nil
}

// freeAddresses returns n addresses that nobody listens at: the nodes of a cluster
// have to know each other's before they start.
func freeAddresses(n int) ([]string, error) {
	var all []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		all = append(all, l.Addr().String())
	}
	return all, nil
}

func (x *node) ports() string { return filepath.Join(x.dir, "ports") }

// target is where the node listens now.
func (x *node) target() (network, address string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return "tcp", x.address
}

// start starts the node and returns when it listens.
func (x *node) start() error {
	p, err := startProcess("nats-server "+x.name, x.log, os.Environ(), x.program, "-c", x.config)
	if err != nil {
		return err
	}
	x.mu.Lock()
	x.process = p
	x.mu.Unlock()
	file := filepath.Join(x.ports(), fmt.Sprintf("%s_%d.ports", filepath.Base(x.program), p.cmd.Process.Pid))
	for deadline := time.Now().Add(startWithin); ; time.Sleep(5 * time.Millisecond) {
		address, err := readPorts(file)
		switch {
		case err == nil:
			x.mu.Lock()
			x.address = address
			x.mu.Unlock()
			return nil
		case !p.running():
			return fmt.Errorf("%s ended; see %s", p.name, x.log)
		case time.Now().After(deadline):
			return fmt.Errorf("%s does not listen: %w; see %s", p.name, err, x.log)
		}
	}
}

// readPorts returns the address that a server wrote down.
func readPorts(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	var ports struct{ Nats []string }
	if err := json.Unmarshal(b, &ports); err != nil {
		return "", err
	}
	if len(ports.Nats) == 0 {
		return "", errors.New("no port is written down")
	}
	u, err := url.Parse(ports.Nats[0])
	if err != nil {
		return "", err
	}
	return u.Host, nil
}

// kill ends the node without warning.
func (x *node) kill() { x.running().kill() }

func (x *node) running() *process {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.process
}

// wipe removes what the node stored; it must not run.
func (x *node) wipe() error {
	entries, err := os.ReadDir(filepath.Join(x.dir, "store")) // which may be mounted
	if err != nil {
		return err
	}
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(x.dir, "store", e.Name())))
	}
	return err
}

func (x *node) close() {
	if p := x.running(); p != nil {
		p.kill()
	}
	for _, p := range append(slices.Collect(maps.Values(x.routes)), x.workers, x.clients) {
		if p != nil {
			p.Close()
		}
	}
	_ = x.volume.close() // what is left is told by the removal of its directory
}

// urls returns the addresses of nodes as one list for clients.
func urls(nodes []*node, token string, through func(*node) *faultproxy.Proxy) string {
	var all []string
	for _, x := range nodes {
		all = append(all, "nats://"+token+"@"+through(x).Addr())
	}
	return strings.Join(all, ",")
}

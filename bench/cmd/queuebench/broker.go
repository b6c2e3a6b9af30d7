package main

import (
	"errors"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// broker is a nats-server in this process, reached over the loopback device.
type broker struct {
	server *server.Server
	dir    string
}

// startBroker starts a server; with always it syncs every message to disk before it
// acknowledges it, else as its default is, every two minutes.
func startBroker(always bool) (*broker, error) {
	dir, err := os.MkdirTemp("", "queuebench")
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(&server.Options{
		ServerName: "queuebench", Host: "127.0.0.1", Port: server.RANDOM_PORT,
		JetStream: true, StoreDir: dir, SyncAlways: always, NoLog: true, NoSigs: true,
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.Start()
	b := &broker{s, dir}
	if !s.ReadyForConnections(20 * time.Second) {
		return nil, errors.Join(errors.New("the broker does not start"), b.stop())
	}
	return b, nil
}

func (b *broker) connect(o ...nats.Option) (*nats.Conn, error) {
	return nats.Connect(b.server.ClientURL(), o...)
}

func (b *broker) stop() error {
	b.server.Shutdown()
	b.server.WaitForShutdown()
	return os.RemoveAll(b.dir)
}

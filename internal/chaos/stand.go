package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/faultproxy"
	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/preset"
)

// namespace is that of the streams.
const namespace = "chaos"

// The secrets of a stand. They must not be seen anywhere (I14).
const (
	brokerSecret   = "canary-broker-5d1f"
	databaseSecret = "canary-database-8b02"
)

// secrets are what nobody may see.
func secrets() []string { return []string{brokerSecret, databaseSecret, s3test.SecretKey} }

// models declares what is saved and loaded.
const models = `models:
  - {name: event, indexed_fields: [n, even]}
  - {name: item, indexed_fields: [n]}
`

// Stand is everything that a run needs.
type Stand struct {
	config    Config
	dir       string // of files that nobody keeps
	nodes     []*node
	database  *database
	revisions *volume           // where they are in a directory that can be filled up
	objects   *s3test.Server    // nil where the store has none
	bucket    *faultproxy.Proxy // before the objects
	fleet     *fleet
	commands  commands // as a client runs them: past the proxies of the workers

	store storage.Factory // past all proxies
	pool  *pgxpool.Pool
	conn  *nats.Conn
	js    jetstream.JetStream
	queue consumer.QueueConfig
}

// newStand starts all services and the workers.
func newStand(ctx context.Context, t testing.TB, c Config) (s *Stand, err error) {
	s = &Stand{config: c}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("set up the stand: %w", err), s.close())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "chaos-"); err != nil {
		return s, err
	}
	if s.nodes, err = newNodes(c.Server, filepath.Join(s.dir, "nats"), c.Dir, c.Nodes, brokerSecret); err != nil {
		return s, err
	}
	if err := s.mountVolumes(); err != nil {
		return s, err
	}
	for _, x := range s.nodes {
		if err := x.start(); err != nil {
			return s, err
		}
	}
	if s.database, err = startDatabase(ctx, databaseSecret, filepath.Join(s.dir, "postgres"), s.wants(fillDatabase)); err != nil {
		return s, err
	}
	if c.Layout.objects() {
		if err := s.startObjects(t); err != nil {
			return s, err
		}
	}
	if err := s.prepare(ctx); err != nil {
		return s, err
	}
	if c.Old != "" { // they run already
		return s, nil
	}
	return s, s.fleet.start()
}

// wants reports whether a nemesis is to come by name, or all are.
func (s *Stand) wants(nemesis string) bool {
	return s.config.script == nil && (s.config.Nemeses == nil || slices.Contains(s.config.Nemeses, nemesis))
}

// mountVolumes gives directories that are to be filled up a file system of their own.
func (s *Stand) mountVolumes() (err error) {
	if s.wants(fillNATS) {
		for _, x := range s.nodes {
			if x.volume, err = mountVolume(filepath.Join(x.dir, "store")); err != nil {
				return err
			}
		}
	}
	if s.config.Layout.disk() && s.wants(fillRevisions) {
		s.revisions, err = mountVolume(filepath.Join(s.dir, "revisions"))
	}
	return err
}

func (s *Stand) startObjects(t testing.TB) (err error) {
	s.objects = s3test.Start(t)
	s.objects.Seed(s.config.Seed)
	s.objects.Bucket("bucket")
	address := strings.TrimPrefix(s.objects.Endpoint, "http://")
	s.bucket, err = faultproxy.Start(func() (string, string) { return "tcp", address })
	return err
}

// prepare makes the store and the queue, and says how workers are started.
func (s *Stand) prepare(ctx context.Context) error {
	declared := filepath.Join(s.dir, "models.yaml")
	if err := os.WriteFile(declared, []byte(models), 0o600); err != nil {
		return err
	}
	env := s.environment()
	flags := func(dsn, queue, objects string) []string {
		all := []string{"--store", dsn, "--nats", queue, "--namespace", namespace, "--data", filepath.Join(s.dir, "data"), "--models", declared}
		if objects != "" {
			all = append(all, "--objects", objects)
		}
		if s.config.Layout.disk() {
			all = append(all, "--revisions", "disk:"+filepath.Join(s.dir, "revisions"))
		}
		return all
	}
	workers := func(x *node) *faultproxy.Proxy { return x.workers }
	clients := func(x *node) *faultproxy.Proxy { return x.clients }
	s.commands = commands{s.config.Worker, env, flags(s.database.direct, urls(s.nodes, brokerSecret, clients), s.objectsURL(false))}
	run := []string{s.config.Worker, "run", "--listen", "127.0.0.1:0", "--grace", grace.String()}
	if s.config.Old == "" { // it does loads as a whole
		run = append(run, "--divide-above", "100", "--chunk", strconv.Itoa(s.config.Chunk), "--sources", s.dir)
	}
	if s.config.Lease > 0 {
		run = append(run, "--lease", s.config.Lease.String())
	}
	s.fleet = newFleet(s.config.Workers, s.config.Dir, env, append(run,
		flags(s.database.workers, urls(s.nodes, brokerSecret, workers), s.objectsURL(true))...)...)
	if s.config.Old != "" {
		if err := s.startOld(ctx); err != nil {
			return err
		}
	}
	if err := s.openStore(ctx); err != nil {
		return err
	}
	return s.openQueue(ctx)
}

// startOld has an earlier version make the store, and run it before anything of this
// one has seen it. Workers that are started later are of this version.
func (s *Stand) startOld(ctx context.Context) error {
	maker := commands{s.config.Old, s.commands.env, append(s.commands.flags[:2:2], "--data", filepath.Join(s.dir, "old"),
		"--models", filepath.Join(s.dir, "models.yaml"))}
	if _, err := maker.run(ctx, "backfill", loadedModel); err != nil {
		return err
	}
	f := s.fleet
	f.command[0] = s.config.Old
	if err := f.start(); err != nil {
		return err
	}
	for _, x := range f.slots {
		if !x.ready(ctx, nil) {
			return fmt.Errorf("the earlier version does not start\n%s", tail(x.log))
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.command = append([]string{s.config.Worker}, f.command[1:]...)
	return nil
}

// environment is what workers get to see.
func (s *Stand) environment() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "TMPDIR=" + s.dir,
		"AWS_ACCESS_KEY_ID=" + s3test.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s3test.SecretKey, "AWS_REGION=" + s3test.Region,
	}
}

// objectsURL returns where objects are, for workers behind a proxy.
func (s *Stand) objectsURL(proxied bool) string {
	if s.objects == nil {
		return ""
	}
	endpoint := s.objects.Endpoint
	if proxied {
		endpoint = "http://" + s.bucket.Addr()
	}
	return "s3://bucket/app?path_style=true&endpoint=" + url.QueryEscape(endpoint)
}

func (s *Stand) openStore(ctx context.Context) (err error) {
	revisions := ""
	if s.config.Layout.disk() {
		revisions = "disk:" + filepath.Join(s.dir, "revisions")
	}
	place, err := preset.Parse(s.database.direct, s.objectsURL(false), revisions)
	if err != nil {
		return err
	}
	if s.store, err = place.Open(ctx, preset.Options{}); err != nil {
		return err
	}
	for _, model := range []string{savedModel, loadedModel} {
		if err := s.store.SaveModel(ctx, storage.ModelInfo{Name: model, Encoding: "json"}); err != nil {
			return err
		}
	}
	if s.pool, err = pgxpool.New(ctx, s.database.direct); err != nil {
		return err
	}
	return refuseDoomed(ctx, s.pool)
}

// openQueue connects as a client and makes the streams and durable consumers as a
// worker makes them, but with the AckWait of the run.
func (s *Stand) openQueue(ctx context.Context) (err error) {
	s.conn, err = nats.Connect(urls(s.nodes, brokerSecret, func(x *node) *faultproxy.Proxy { return x.clients }),
		nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond), nats.RetryOnFailedConnect(true))
	if err != nil {
		return err
	}
	if s.js, err = jetstream.New(s.conn); err != nil {
		return err
	}
	s.queue = consumer.QueueConfig{Namespace: namespace, Store: s.store.ID(), Create: true, Replicas: s.config.Nodes}
	return s.provision(ctx)
}

// provision makes what is not there of the queue; a cluster takes a moment to agree.
func (s *Stand) provision(ctx context.Context) (err error) {
	for deadline := time.Now().Add(startWithin); ; sleep(ctx, 100*time.Millisecond) {
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		err = s.provisionOnce(once)
		cancel()
		if err == nil || time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
	}
}

func (s *Stand) provisionOnce(ctx context.Context) error {
	if err := consumer.EnsureStreams(ctx, s.js, s.queue); err != nil {
		return err
	}
	stream, err := s.js.Stream(ctx, s.queue.StreamName())
	if err != nil {
		return err
	}
	for _, lane := range jobs.Lanes() {
		for _, kind := range jobs.Kinds() {
			pending := 64
			if kind == jobs.KindSave {
				pending = 20_000
			}
			_, err := stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
				Durable: string(lane) + "-" + string(kind), FilterSubject: jobs.Subject(namespace, lane, kind),
				AckPolicy: jetstream.AckExplicitPolicy, AckWait: s.config.AckWait, MaxDeliver: -1, MaxAckPending: pending,
				Metadata: map[string]string{"store": s.store.ID().String()},
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// heal ends all faults that can be ended at any time.
func (s *Stand) heal() {
	for _, x := range s.nodes {
		x.workers.Set(faultproxy.Fault{})
		x.clients.Set(faultproxy.Fault{})
		for _, p := range x.routes {
			p.Set(faultproxy.Fault{})
		}
	}
	s.database.proxy.Set(faultproxy.Fault{})
	s.database.losing.Store(0)
	if s.objects != nil {
		s.bucket.Set(faultproxy.Fault{})
		s.objects.Fail()
	}
}

// close ends everything and removes the files that nobody keeps.
func (s *Stand) close() error {
	var errs []error
	if s.fleet != nil {
		errs = append(errs, s.fleet.stop())
	}
	if s.conn != nil {
		s.conn.Close()
	}
	if s.pool != nil {
		s.pool.Close()
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	for _, x := range s.nodes {
		x.close()
	}
	if s.bucket != nil {
		s.bucket.Close()
	}
	if s.database != nil {
		errs = append(errs, s.database.close())
	}
	if s.dir != "" {
		errs = append(errs, s.revisions.close(), os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

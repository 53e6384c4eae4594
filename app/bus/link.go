package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ezscale/ezscale/app/fail"
)

const (
	streamName  = "EZ"
	maxAge      = 7 * 24 * time.Hour
	duplicates  = 2 * time.Minute
	publishOpen = 512 // publications under way at once; the database batch is half of it
)

// link is one connection to the stream, and the embedded server behind it.
type link struct {
	nc *nats.Conn
	js jetstream.JetStream
	ns *server.Server
}

func (b *Bus) connect(ctx context.Context) (*link, error) {
	if b.embedded() {
		return b.openEmbedded(ctx)
	}
	nc, err := nats.Connect(b.opts.URL, b.natsOptions()...)
	if err != nil {
		return nil, fail.Wrap(err, fail.Unavailable, "The NATS servers of EZSCALE_NATS_URL do not answer.")
	}
	return b.newLink(ctx, nc, nil)
}

func (b *Bus) natsOptions() []nats.Option {
	return []nats.Option{
		nats.Name("ezscale"), nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			b.log.Warn("event connection", "error", err)
		}),
	}
}

func (b *Bus) newLink(ctx context.Context, nc *nats.Conn, ns *server.Server) (*link, error) {
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(publishOpen))
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("event stream: %w", err)
	}
	l := &link{nc: nc, js: js, ns: ns}
	if err := l.ensureStream(ctx, b.opts.MaxStore/2); err != nil {
		nc.Close()
		return nil, fail.Wrap(err, fail.Unavailable, "The event stream cannot be made.")
	}
	return l, nil
}

func (l *link) close() {
	_ = l.nc.FlushTimeout(2 * time.Second)
	l.nc.Close()
	if l.ns != nil {
		stopServer(l.ns)
	}
}

// ensureStream makes the stream, with three copies where there are servers to
// hold them. A stream that exists keeps the copies and the size it has.
func (l *link) ensureStream(ctx context.Context, maxBytes int64) error {
	cfg := jetstream.StreamConfig{
		Name: streamName, Subjects: []string{"ez.>"}, Retention: jetstream.InterestPolicy,
		Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew,
		MaxAge: maxAge, MaxBytes: maxBytes, Duplicates: duplicates, Replicas: l.replicas(),
	}
	stream, err := l.js.Stream(ctx, streamName)
	if err == nil {
		was := stream.CachedInfo().Config
		if slices.Equal(was.Subjects, cfg.Subjects) && was.Discard == cfg.Discard && was.MaxAge == cfg.MaxAge && was.Duplicates == cfg.Duplicates {
			return nil
		}
		cfg.Replicas, cfg.MaxBytes = was.Replicas, was.MaxBytes
		_, err = l.js.UpdateStream(ctx, cfg)
		return err
	}
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	if _, err = l.js.CreateStream(ctx, cfg); err != nil && cfg.Replicas > 1 {
		cfg.Replicas = 1
		_, err = l.js.CreateStream(ctx, cfg)
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return nil // another node was quicker
	}
	return err
}

func (l *link) replicas() int {
	if l.ns == nil && l.nc.ConnectedClusterName() != "" && len(l.nc.Servers()) >= 3 {
		return 3
	}
	return 1
}

// ensureConsumers makes every durable, before anything is published: the stream
// keeps only what somebody is interested in. Durables that left the table are
// removed, or what they never take would be kept.
func (b *Bus) ensureConsumers(ctx context.Context, l *link, consumers []Consumer) ([]jetstream.Consumer, error) {
	stream, err := l.js.Stream(ctx, streamName)
	if err != nil {
		return nil, err
	}
	var durables []jetstream.Consumer
	for _, c := range consumers {
		d, err := stream.CreateOrUpdateConsumer(ctx, b.durable(c))
		if err != nil {
			return nil, fmt.Errorf("consumer %s: %w", c.Name, err)
		}
		durables = append(durables, d)
	}
	return durables, b.removeStrangers(ctx, stream, consumers)
}

func (b *Bus) durable(c Consumer) jetstream.ConsumerConfig {
	subjects := make([]string, len(c.Names))
	for i, name := range c.Names {
		subjects[i] = "ez.*." + name
	}
	return jetstream.ConsumerConfig{
		Durable: c.Name, AckPolicy: jetstream.AckExplicitPolicy, DeliverPolicy: jetstream.DeliverAllPolicy,
		AckWait: b.opts.AckWait, MaxDeliver: -1, MaxAckPending: 10_000, FilterSubjects: subjects,
	}
}

func (b *Bus) removeStrangers(ctx context.Context, stream jetstream.Stream, consumers []Consumer) error {
	names := stream.ConsumerNames(ctx)
	for name := range names.Name() {
		if slices.ContainsFunc(consumers, func(c Consumer) bool { return c.Name == name }) {
			continue
		}
		b.log.Info("removing a consumer that is not in the table any more", "consumer", name)
		if err := stream.DeleteConsumer(ctx, name); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return err
		}
	}
	return names.Err()
}

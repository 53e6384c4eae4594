package bus_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/tenants"
)

// listener tells when the bus logs a sentence.
type listener struct {
	sentence []byte
	once     sync.Once
	heard    chan struct{}
	also     io.Writer // shown when the test fails
}

func (l *listener) Write(line []byte) (int, error) {
	if bytes.Contains(line, l.sentence) {
		l.once.Do(func() { close(l.heard) })
	}
	return l.also.Write(line)
}

// The database goes away after an effect and before its event is marked as done. The
// mark is made when it is back, and not only when the sweep comes to it in minutes.
func TestAnEventIsMarkedAsDoneWhenTheDatabaseIsBack(t *testing.T) {
	t.Parallel()
	b, cfg := open(t, nil)
	shut, reopen := doors(t, cfg)
	t.Cleanup(reopen)
	o, _ := b.standing()
	ear := &listener{sentence: []byte("events were not marked as done yet"), heard: make(chan struct{}), also: t.Output()}
	o.Log = slog.New(slog.NewTextHandler(ear, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var away sync.Once
	ran, _ := bustest.Start(t, o, bus.Consumer{Name: "make", Names: []string{"thing.asked"}, Handle: func(ctx context.Context, m *bus.Message) error {
		err := b.effect(ctx, m)
		away.Do(shut)
		return err
	}})
	b.announce("thing.asked", 1)
	<-ear.heard
	reopen()
	bustest.Until(t, "the event is marked", ran.Handled(), func() bool {
		open := -1
		err := b.db.CentralRead(t.Context(), tenants.GetQ(&open, "count", `select count(*)::int from central.outbox where done_at is null and subject = 'thing.asked'`))
		return err == nil && open == 0
	})
	b.wantOnce(1)
}

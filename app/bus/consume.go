package bus

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// pullFor is how long one request for messages stays open.
const pullFor = 30 * time.Second

// runner feeds one consumer's handlers. It takes a few more messages than can
// be handled at once, and tells the stream about all it holds until each is
// settled, so that a slow handler never makes the stream send them elsewhere.
type runner struct {
	b    *Bus
	c    Consumer
	from jetstream.Consumer

	queue chan jetstream.Msg
	room  chan struct{} // signalled when a message leaves
	mu    sync.Mutex
	held  map[jetstream.Msg]struct{}
}

func newRunner(b *Bus, c Consumer, from jetstream.Consumer) *runner {
	return &runner{
		b: b, c: c, from: from, held: map[jetstream.Msg]struct{}{},
		queue: make(chan jetstream.Msg, capacity(c)), room: make(chan struct{}, 1),
	}
}

func capacity(c Consumer) int { return max(16, 4*c.Parallel) }

// run handles messages until the context ends; then it waits for the handlers
// under way, whose own context ends when the drain time is over.
func (r *runner) run(ctx context.Context) error {
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(r.b.opts.Drain, cancel) })()
	var handlers sync.WaitGroup
	for range r.c.Parallel {
		handlers.Go(func() { r.work(ctx, working) })
	}
	beating, stopBeating := context.WithCancel(working)
	var beat sync.WaitGroup
	beat.Go(func() { r.heartbeat(beating) })
	r.pull(ctx)
	close(r.queue)
	handlers.Wait()
	stopBeating()
	beat.Wait()
	return ctx.Err()
}

// pull asks for as many messages as there is room for.
func (r *runner) pull(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; {
		err := r.pullOnce(ctx)
		if err == nil {
			failures = 0
			continue
		}
		if failures++; failures > 1 && ctx.Err() == nil {
			r.b.log.Warn("messages do not come", "consumer", r.c.Name, "error", err)
		}
		pause(ctx, min(time.Duration(failures)*100*time.Millisecond, 2*time.Second))
	}
}

func (r *runner) pullOnce(ctx context.Context) error {
	n := r.awaitRoom(ctx)
	if n == 0 {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, pullFor)
	defer cancel()
	got, err := r.from.Fetch(n, jetstream.FetchContext(limited))
	if err != nil {
		return err
	}
	for msg := range got.Messages() {
		r.mu.Lock()
		r.held[msg] = struct{}{}
		r.mu.Unlock()
		r.queue <- msg // never blocks: no more was asked for than fits
	}
	if limited.Err() != nil {
		return nil
	}
	return got.Error()
}

// awaitRoom waits until half of what may be held is free; 0 when the context
// ended.
func (r *runner) awaitRoom(ctx context.Context) int {
	for ctx.Err() == nil {
		r.mu.Lock()
		free := cap(r.queue) - len(r.held)
		r.mu.Unlock()
		if free >= cap(r.queue)/2 {
			return free
		}
		select {
		case <-ctx.Done():
		case <-r.room:
		}
	}
	return 0
}

func (r *runner) release(msg jetstream.Msg) {
	r.mu.Lock()
	delete(r.held, msg)
	r.mu.Unlock()
	wake(r.room)
}

func (r *runner) heartbeat(ctx context.Context) {
	for pause(ctx, r.b.opts.AckWait/3) {
		r.mu.Lock()
		for msg := range r.held {
			_ = msg.InProgress() // a message that is lost comes again
		}
		r.mu.Unlock()
	}
}

// work handles queued messages; after the end it gives the waiting ones back.
func (r *runner) work(ctx, working context.Context) {
	for msg := range r.queue {
		if ctx.Err() != nil {
			_ = msg.Nak()
		} else {
			r.process(working, msg)
		}
		r.release(msg)
	}
}

// call runs the handler within its time; a panic is a failure like any other.
func (r *runner) call(ctx context.Context, m *Message) (err error) {
	ctx, cancel := context.WithTimeout(ctx, r.c.Timeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			r.b.log.Error("a handler panicked", "consumer", r.c.Name, "event", m.Name, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("the handler panicked: %v", p)
		}
	}()
	return r.c.Handle(ctx, m)
}

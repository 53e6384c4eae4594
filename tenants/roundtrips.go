package tenants

import (
	"context"
	"net"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// counting tells of every round trip that a pool's connections make: something
// was sent, and then an answer was waited for.
func counting(dial pgconn.DialFunc, tell func()) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &counted{Conn: conn, tell: tell}, nil
	}
}

// counted begins a round trip when something is sent after an answer. A driver may
// read in the background while it still sends.
type counted struct {
	net.Conn
	tell func()
	sent atomic.Bool // and not answered yet
}

func (c *counted) Write(b []byte) (int, error) {
	if !c.sent.Swap(true) {
		c.tell()
	}
	return c.Conn.Write(b)
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.sent.Store(false)
	}
	return n, err
}

// told is a tracer that tells of every statement, those of a pipeline one by one, as
// it was asked.
type told func(sql string)

func (t told) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	t(data.SQL)
	return ctx
}

func (told) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (told) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (t told) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	t(data.SQL)
}

func (told) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

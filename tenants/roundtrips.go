package tenants

import (
	"context"
	"net"
	"sync/atomic"

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

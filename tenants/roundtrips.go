package tenants

import (
	"context"
	"net"

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

// counted is used by one goroutine at a time, as its pool sees to.
type counted struct {
	net.Conn
	tell func()
	sent bool
}

func (c *counted) Write(b []byte) (int, error) {
	c.sent = true
	return c.Conn.Write(b)
}

func (c *counted) Read(b []byte) (int, error) {
	if c.sent {
		c.sent = false
		c.tell()
	}
	return c.Conn.Read(b)
}

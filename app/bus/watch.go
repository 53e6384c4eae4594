package bus

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
)

// Watch calls fn for every event and due time that is published from now on,
// until the context ends. It is for those who only want to know that something
// changed: nothing is kept for them, some may be missed and some come twice. fn
// must not block.
func (b *Bus) Watch(ctx context.Context, fn func(tenantID uuid.UUID, name string, payload json.RawMessage)) error {
	for ctx.Err() == nil {
		l, renewed := b.current()
		sub, err := l.nc.Subscribe("ez.>", func(msg *nats.Msg) { tell(msg, fn) })
		if err != nil {
			if !l.nc.IsClosed() {
				return fmt.Errorf("watch events: %w", err)
			}
			sub = nil // the link is being replaced
		}
		select {
		case <-ctx.Done():
		case <-renewed:
		}
		if sub != nil {
			_ = sub.Unsubscribe()
		}
	}
	return nil
}

func tell(msg *nats.Msg, fn func(uuid.UUID, string, json.RawMessage)) {
	tenant, name, ok := cutSubject(msg.Subject)
	if ok {
		fn(tenant, name, msg.Data)
	}
}

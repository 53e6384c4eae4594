package certificates

import (
	"context"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// domainEvent is what the events of a shop's names say.
type domainEvent struct {
	Domain string `json:"domain"`
}

// OnVerified obtains the certificate of a name as soon as its owner is proven. What
// the authority refuses is kept with the name and tried again by Run, so it is no
// failure of the event. An installation without HTTPS has no authority: nothing is done.
func (a *Authority) OnVerified(ctx context.Context, m *bus.Message) error {
	var e domainEvent
	if err := m.Decode(&e); err != nil || a == nil {
		return err
	}
	err := a.Obtain(ctx, e.Domain)
	if fail.KindOf(err) == fail.Internal || tenants.IsCutOff(err) {
		return err
	}
	return nil
}

// OnRemoved forgets the certificate of a name that a shop no longer has.
func (a *Authority) OnRemoved(ctx context.Context, m *bus.Message) error {
	var e domainEvent
	if err := m.Decode(&e); err != nil || a == nil {
		return err
	}
	return a.Remove(ctx, e.Domain)
}

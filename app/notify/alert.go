package notify

import (
	"cmp"
	"context"
	"strconv"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

// alert tells the provider of a desktop that could not be made ready.
func (n *Notifier) alert(ctx context.Context, m *bus.Message) error {
	var a about
	if err := m.Decode(&a); err != nil {
		return err
	}
	return n.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		return n.Discord.Send(ctx, Alert{
			Title: "Kasm Provisioning Failed",
			Text:  cmp.Or(a.Detail, a.Error, "The desktop host gave no reason."),
			At:    tx.Now(),
			Fields: []Field{
				{"Service", a.ServiceID.String()}, {"Workspace", a.WorkspaceID.String()},
				{"Shop", m.Tenant.Name + " (" + m.Tenant.Slug + ")"}, {"Told to the customer", a.Error},
			},
		})
	})
}

// DeadLetter tells the provider of a message that was given up, as well as it
// can: the message itself is kept and shown to operators. It is made to be the
// bus's OnDeadLetter.
func (n *Notifier) DeadLetter(ctx context.Context, d bus.DeadLetter) {
	if n.Discord == nil {
		return
	}
	shop := "none"
	if t, ok := n.DB.Registry().ByID(d.TenantID); ok {
		shop = t.Name + " (" + t.Slug + ")"
	} else if d.TenantID != uuid.Nil {
		shop = d.TenantID.String()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discordTimeout)
	defer cancel()
	err := n.Discord.Send(ctx, Alert{
		Title:  "A message was given up",
		Text:   d.Reason,
		At:     d.CreatedAt,
		Fields: []Field{{"Dead letter", strconv.FormatInt(d.ID, 10)}, {"Event", d.Name}, {"Consumer", d.Consumer}, {"Shop", shop}},
	})
	if err != nil {
		n.Log.WarnContext(ctx, "the alert of a dead letter did not go", "dead_letter", d.ID, "err", err)
	}
}

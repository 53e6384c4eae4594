package notify

import (
	"cmp"
	"context"
	"strconv"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

// OnFailed tells the provider of a desktop that could not be made ready
// (workspace.failed).
func (n *Service) OnFailed(ctx context.Context, m *bus.Message) error {
	if n.discord == nil {
		return nil
	}
	var a about
	if err := m.Decode(&a); err != nil {
		return err
	}
	return n.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		return n.discord.send(ctx, alert{
			Title: "Kasm Provisioning Failed",
			Text:  cmp.Or(a.Detail, a.Error, "The desktop host gave no reason."),
			At:    tx.Now(),
			Fields: []field{
				{"Service", a.ServiceID.String()}, {"Workspace", a.WorkspaceID.String()},
				{"Shop", m.Tenant.Name + " (" + m.Tenant.Slug + ")"}, {"Told to the customer", a.Error},
			},
		})
	})
}

// OnDeadLetter tells the provider of a message that was given up, as well as it
// can: the message itself is kept and shown to operators.
func (n *Service) OnDeadLetter(ctx context.Context, d bus.DeadLetter) {
	if n.discord == nil {
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
	err := n.discord.send(ctx, alert{
		Title:  "A message was given up",
		Text:   d.Reason,
		At:     d.CreatedAt,
		Fields: []field{{"Dead letter", strconv.FormatInt(d.ID, 10)}, {"Event", d.Name}, {"Consumer", d.Consumer}, {"Shop", shop}},
	})
	if err != nil {
		n.Log.WarnContext(ctx, "the alert of a dead letter did not go", "dead_letter", d.ID, "err", err)
	}
}

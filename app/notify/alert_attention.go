package notify

import (
	"context"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

// attentionTitle words the kinds of what somebody should look at.
func attentionTitle(kind string) string {
	switch kind {
	case "recompute":
		return "An invoice works out otherwise"
	case "ledger":
		return "A ledger does not add up"
	case "parked":
		return "An account is parked"
	case "write_off":
		return "Usage was written off"
	}
	return "Something needs attention"
}

// OnAttention tells the provider of a subject that came onto the list of what needs a
// person (attention.raised).
func (n *Service) OnAttention(ctx context.Context, m *bus.Message) error {
	if n.discord == nil {
		return nil
	}
	var a struct {
		Kind    string `json:"kind"`
		Subject string `json:"subject"`
		Summary string `json:"summary"`
	}
	if err := m.Decode(&a); err != nil {
		return err
	}
	return n.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		return n.discord.send(ctx, alert{Title: attentionTitle(a.Kind), Text: a.Summary, At: tx.Now(),
			Fields: []field{{"Shop", m.Tenant.Name + " (" + m.Tenant.Slug + ")"}, {"Subject", a.Subject}}})
	})
}

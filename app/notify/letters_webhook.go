package notify

import (
	"context"
	"fmt"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// OnWebhook writes to the owners whose webhook was switched off: webhook.switched_off.
func (n *Service) OnWebhook(ctx context.Context, m *bus.Message) error { return n.mail(ctx, m) }

func (n *Service) webhookLetter(tx tenants.Tx, m *bus.Message, to person) (draft, error) {
	var a struct {
		WebhookID string `json:"webhook_id"`
		Host      string `json:"host"`
		Said      string `json:"said"`
	}
	if err := m.Decode(&a); err != nil {
		return draft{}, err
	}
	t := tx.Tenant()
	letter := views.MailWebhookOff(n.brand(t), to.Name, a.Host, a.Said, n.Links(t, "/reseller/webhooks/"+a.WebhookID))
	return draft{fmt.Sprintf("%s:%d", m.Name, m.OutboxID), letter}, nil
}

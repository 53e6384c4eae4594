package worker

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/payments"
)

// collectWholesale charges a new wholesale invoice to the card that its reseller
// saved with the provider, if there is one.
func collectWholesale(p *payments.Service) bus.Handler {
	return func(ctx context.Context, m *bus.Message) error {
		var issued struct {
			InvoiceID uuid.UUID `json:"invoice_id"`
		}
		if err := m.Decode(&issued); err != nil {
			return err
		}
		_, err := p.CollectWholesale(ctx, issued.InvoiceID)
		return err
	}
}

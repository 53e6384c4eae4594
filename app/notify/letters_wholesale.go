package notify

import (
	"cmp"
	"context"
	"net/url"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// OnWholesale writes the provider's letters to a reseller's owner:
// wholesale.issued, wholesale.reminder, wholesale.past_due, wholesale.suspended and
// wholesale.paid. Each is keyed by its invoice and step.
func (n *Service) OnWholesale(ctx context.Context, m *bus.Message) error { return n.mail(ctx, m) }

func (n *Service) wholesaleLetter(_ context.Context, tx tenants.Tx, m *bus.Message, to person) (draft, error) {
	var a struct {
		InvoiceID uuid.UUID `json:"invoice_id"`
		Number    string    `json:"number"`
		Period    string    `json:"period"`
		Total     string    `json:"total"`
		AmountDue string    `json:"amount_due"`
		DueDate   string    `json:"due_date"`
		ActBy     string    `json:"act_by"`
	}
	if err := m.Decode(&a); err != nil {
		return draft{}, err
	}
	t := tx.Tenant()
	b := n.brand(t)
	if house, ok := n.DB.Registry().House(); ok {
		b = n.brand(house) // it is the provider who writes
	}
	w := views.MailWholesale{Number: a.Number, Period: a.Period, Total: a.Total, AmountDue: a.AmountDue, DueDate: a.DueDate, ActBy: a.ActBy,
		Shop: cmp.Or(t.Branding.CompanyName, t.Name), Link: n.Links(t, "/reseller/wholesale/"+url.PathEscape(a.Number))}
	write := wholesaleForm(m.Name)
	if write == nil {
		return draft{}, nil
	}
	return draft{m.Name + ":" + a.InvoiceID.String(), write(b, to.Name, w)}, nil
}

func wholesaleForm(event string) func(views.MailBrand, string, views.MailWholesale) views.Letter {
	switch event {
	case "wholesale.issued":
		return views.MailWholesaleIssued
	case "wholesale.reminder":
		return views.MailWholesaleReminder
	case "wholesale.past_due":
		return views.MailWholesalePastDue
	case "wholesale.suspended":
		return views.MailWholesaleSuspended
	case "wholesale.paid":
		return views.MailWholesalePaid
	}
	return nil
}

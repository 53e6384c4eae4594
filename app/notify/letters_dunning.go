package notify

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// OnDunning writes the letters about unpaid invoices: dunning.reminded,
// dunning.warned, dunning.suspended, dunning.terminated and dunning.resumed. Each is
// keyed by its invoice and step.
func (n *Service) OnDunning(ctx context.Context, m *bus.Message) error { return n.mail(ctx, m) }

// OnParked writes the letters about parked accounts: account.parked to the customer,
// account.parked_notice to the shop, account.released to the customer.
func (n *Service) OnParked(ctx context.Context, m *bus.Message) error { return n.mail(ctx, m) }

func (n *Service) dunningLetter(ctx context.Context, tx tenants.Tx, m *bus.Message, to person) (draft, error) {
	var a struct {
		InvoiceID uuid.UUID `json:"invoice_id"`
		Step      string    `json:"step"`
		On        string    `json:"on"`
	}
	if err := m.Decode(&a); err != nil {
		return draft{}, err
	}
	inv, err := findUnpaid(ctx, tx, a.InvoiceID)
	if err != nil {
		return draft{}, err
	}
	t := tx.Tenant()
	shown := views.MailUnpaid{Number: inv.Number, AmountDue: money.Of(inv.AmountDue, inv.Currency).Format(), Card: inv.Card,
		Link: n.Links(t, "/invoices/"+url.PathEscape(inv.Number)), Desktops: n.Links(t, "/")}
	if inv.DueDate != nil {
		shown.DueDate = inv.DueDate.Format(day)
	}
	if on, err := time.Parse(time.DateOnly, a.On); err == nil {
		shown.On = on.Format(day)
	}
	write := dunningForm(m.Name, a.Step)
	// Who has paid in between is not asked again.
	if write == nil || inv.Status != "open" && m.Name != "dunning.resumed" && m.Name != "dunning.terminated" {
		return draft{}, nil
	}
	key := "dunning:" + inv.ID.String() + ":" + a.Step
	if m.Name == "dunning.resumed" { // a document that came back and was paid again is news again
		key = fmt.Sprintf("%s:%d", key, m.OutboxID)
	}
	return draft{key, write(n.brand(t), to.Name, shown)}, nil
}

func dunningForm(event, step string) func(views.MailBrand, string, views.MailUnpaid) views.Letter {
	switch event {
	case "dunning.reminded":
		return views.MailReminder
	case "dunning.warned":
		if strings.HasPrefix(step, "warn_terminate:") {
			return views.MailTerminateWarning
		}
		return views.MailSuspendWarning
	case "dunning.suspended":
		return views.MailSuspended
	case "dunning.terminated":
		return views.MailTerminated
	case "dunning.resumed":
		return views.MailResumed
	}
	return nil
}

func (n *Service) parkedLetter(ctx context.Context, tx tenants.Tx, m *bus.Message, to person) (draft, error) {
	var a struct {
		Customer uuid.UUID `json:"customer_id"`
		Sentence string    `json:"sentence"`
		Since    string    `json:"since"`
	}
	if err := m.Decode(&a); err != nil {
		return draft{}, err
	}
	t := tx.Tenant()
	b, key := n.brand(t), strings.Join([]string{m.Name, a.Customer.String(), to.ID.String(), a.Since}, ":")
	switch m.Name {
	case "account.parked":
		return draft{key, views.MailParked(b, to.Name, a.Sentence, n.Links(t, "/"))}, nil
	case "account.released":
		return draft{key, views.MailReleased(b, to.Name, n.Links(t, "/"))}, nil
	}
	who, found, err := findPerson(ctx, tx, a.Customer)
	if err != nil || !found {
		return draft{}, err
	}
	return draft{key, views.MailParkedNotice(b, to.Name, who.Name+" ("+who.Email+")", a.Sentence, n.Links(t, "/reseller/parked"))}, nil
}

package notify

import (
	"context"
	"fmt"
	"net/url"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// OnPayment writes the letters about payments: payment.succeeded, payment.failed,
// refund.succeeded, refund.failed and topup.refused. Each is keyed by its payment,
// refund or day, and what became of it.
func (n *Service) OnPayment(ctx context.Context, m *bus.Message) error { return n.mail(ctx, m) }

// aboutPayment is what the events about payments say, each as far as it applies.
type aboutPayment struct {
	UserID        uuid.UUID `json:"user_id"`
	PaymentID     uuid.UUID `json:"payment_id"`
	InvoiceID     uuid.UUID `json:"invoice_id"`
	RefundID      uuid.UUID `json:"refund_id"`
	Amount        string    `json:"amount"`
	Currency      string    `json:"currency"`
	Automatic     bool      `json:"automatic"`
	Failure       string    `json:"failure"`
	NeedsCustomer bool      `json:"needs_customer"`
	ConfirmPath   string    `json:"confirm_path"`
	Day           string    `json:"day"`
}

// money writes the amount for people.
func (a aboutPayment) money() string {
	d, err := decimal.NewFromString(a.Amount)
	if err != nil {
		return a.Amount
	}
	return money.Of(d, a.Currency).Format()
}

func (n *Service) paymentLetter(ctx context.Context, tx tenants.Tx, m *bus.Message, to person) (draft, error) {
	var a aboutPayment
	if err := m.Decode(&a); err != nil {
		return draft{}, err
	}
	t := tx.Tenant()
	shown := views.MailPayment{Amount: a.money(), Failure: a.Failure, Link: n.Links(t, "/billing"), Cards: n.Links(t, "/settings/cards"), Automatic: a.Automatic}
	if a.InvoiceID != uuid.Nil {
		inv, err := findInvoice(ctx, tx, a.InvoiceID)
		if err != nil {
			return draft{}, err
		}
		shown.Invoice, shown.Link = inv.Number, n.Links(t, "/invoices/"+url.PathEscape(inv.Number))
	}
	if a.ConfirmPath != "" {
		shown.Confirm = n.Links(t, a.ConfirmPath)
	}
	b := n.brand(t)
	switch m.Name {
	case "payment.succeeded":
		return draft{"payment:" + a.PaymentID.String() + ":receipt", views.MailReceipt(b, to.Name, shown)}, nil
	case "payment.failed":
		if a.NeedsCustomer {
			return draft{"payment:" + a.PaymentID.String() + ":confirm", views.MailConfirmPayment(b, to.Name, shown)}, nil
		}
		return draft{"payment:" + a.PaymentID.String() + ":failed", views.MailPaymentFailed(b, to.Name, shown)}, nil
	case "refund.succeeded":
		return draft{"refund:" + a.RefundID.String(), views.MailRefunded(b, to.Name, shown)}, nil
	case "refund.failed":
		return draft{"refund:" + a.RefundID.String() + ":failed", views.MailRefundFailed(b, to.Name, shown)}, nil
	}
	return draft{"topup.refused:" + a.UserID.String() + ":" + a.Day, views.MailTopUpRefused(b, to.Name, shown)}, nil
}

// OnDisputed tells the provider that a payment is disputed (payment.disputed). It
// stands on the list of what to look at as well.
func (n *Service) OnDisputed(ctx context.Context, m *bus.Message) error {
	if n.discord == nil {
		return nil
	}
	var a aboutPayment
	if err := m.Decode(&a); err != nil {
		return err
	}
	return n.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		return n.discord.send(ctx, alert{
			Title: "A Payment Is Disputed",
			Text:  fmt.Sprintf("A payment of %s is disputed: %s.", a.money(), a.Failure),
			At:    tx.Now(),
			Fields: []field{
				{"Payment", a.PaymentID.String()}, {"Customer", a.UserID.String()}, {"Shop", m.Tenant.Name + " (" + m.Tenant.Slug + ")"},
			},
		})
	})
}

package notify

import (
	"context"
	"net/url"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/mail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// Papers draws the documents that go with letters, as PDF.
type Papers interface {
	Invoice(ctx context.Context, t tenants.Tenant, user uuid.UUID, number string) ([]byte, error)
	CreditNote(ctx context.Context, t tenants.Tenant, user uuid.UUID, number string) ([]byte, error)
}

// OnInvoice writes the letters about invoice.finalised and credit_note.issued, each
// once for its document and with the document attached. What came in for an
// invoice is told by payment.succeeded.
func (n *Service) OnInvoice(ctx context.Context, m *bus.Message) error { return n.mail(ctx, m) }

// papers are the files that go with the letter about an event. They are drawn
// before the letter's transaction, so that it holds one connection only. A letter
// does not wait for a file that cannot be drawn: its page has the same.
func (n *Service) papers(ctx context.Context, m *bus.Message, a about) []mail.File {
	if n.Papers == nil || a.Number == "" {
		return nil
	}
	var data []byte
	var err error
	switch m.Name {
	case "invoice.finalised":
		data, err = n.Papers.Invoice(ctx, m.Tenant, a.UserID, a.Number)
	case "credit_note.issued":
		data, err = n.Papers.CreditNote(ctx, m.Tenant, a.UserID, a.Number)
	default:
		return nil
	}
	if err != nil {
		n.Log.WarnContext(ctx, "a letter goes without its document", "tenant", m.Tenant.Slug, "event", m.Name, "number", a.Number, "err", err)
		return nil
	}
	return []mail.File{{Name: a.Number + ".pdf", Kind: "application/pdf", Data: data}}
}

func (n *Service) invoiceLetter(ctx context.Context, tx tenants.Tx, a about, to person) (draft, error) {
	inv, err := findInvoice(ctx, tx, a.InvoiceID)
	if err != nil {
		return draft{}, err
	}
	t := tx.Tenant()
	shown := views.MailInvoice{
		Number: inv.Number, Period: period(inv.PeriodStart, inv.PeriodEnd, t.Zone),
		Total: money.Of(inv.Total, inv.Currency).Format(), AmountDue: money.Of(inv.AmountDue, inv.Currency).Format(),
		Link: n.Links(t, "/invoices/"+url.PathEscape(inv.Number)),
	}
	if paid := inv.Total.Sub(inv.AmountDue); paid.IsPositive() {
		shown.Paid = money.Of(paid, inv.Currency).Format()
	}
	if inv.AmountDue.IsPositive() && inv.DueDate != nil {
		shown.DueDate = inv.DueDate.Format(day)
	}
	return draft{key: "invoice.finalised:" + inv.ID.String(), letter: shown.Letter(n.brand(t), to.Name)}, nil
}

// creditNoteLetter says in plain words what is given back, why, and where it went.
func (n *Service) creditNoteLetter(ctx context.Context, tx tenants.Tx, a about, to person) (draft, error) {
	note, err := findCreditNote(ctx, tx, a.CreditNoteID)
	if err != nil {
		return draft{}, err
	}
	t := tx.Tenant()
	shown := views.MailCreditNote{Number: note.Number, Invoice: note.InvoiceNumber, Reason: note.Reason, Total: money.Of(note.Total, note.Currency).Format(),
		Link: n.Links(t, "/credit-notes/"+url.PathEscape(note.Number))}
	if note.ToInvoice.IsPositive() {
		shown.Off = money.Of(note.ToInvoice, note.Currency).Format()
	}
	if note.ToCredit.IsPositive() {
		shown.Credit = money.Of(note.ToCredit, note.Currency).Format()
	}
	if note.ToPayment.IsPositive() {
		shown.Card = money.Of(note.ToPayment, note.Currency).Format()
	}
	return draft{key: "credit_note.issued:" + note.ID.String(), letter: shown.Letter(n.brand(t), to.Name)}, nil
}

package billing

import (
	"context"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// Where the money of a credit note goes when nothing is due of its invoice.
const (
	ToCredit  = "credit"  // to the customer's credit
	ToPayment = "payment" // back to the card that paid, the rest to credit
)

// Refunder gives money of a payment back to the card that it came from.
type Refunder interface {
	RefundIn(ctx context.Context, tx tenants.Tx, payment uuid.UUID, amount decimal.Decimal, creditNote *uuid.UUID, reason, actor string) error
}

// CreditWish asks for a credit note. A cause gives one credit note, however often it
// is asked for. No lines: all that is left of the invoice.
type CreditWish struct {
	InvoiceID uuid.UUID
	Lines     []CreditLine
	Reason    string // for people
	Cause     string // such as staff:<token> or overbilled:<session>
	By        string // who acts
	Prefer    string // ToCredit when empty
	Refunds   Refunder
}

// CreditLine gives a part of an invoice's line back. Amount is as the line is priced
// and after its discount: with tax only where the tax is inside the price.
type CreditLine struct {
	ItemID      uuid.UUID
	SessionID   *uuid.UUID
	Description string // the line's own when empty
	Blocks      int64
	Amount      decimal.Decimal
	Tax         decimal.Decimal // worked out
	inside      bool            // the tax is inside the amount
}

// CreditNote is a finalised document that takes back a part of an invoice (R19).
type CreditNote struct {
	ID        uuid.UUID       `db:"id"`
	Number    string          `db:"number"`
	InvoiceID uuid.UUID       `db:"invoice_id"`
	UserID    uuid.UUID       `db:"user_id"`
	Cause     string          `db:"cause"`
	Reason    string          `db:"reason"`
	Currency  string          `db:"currency"`
	Net       decimal.Decimal `db:"net"`
	Tax       decimal.Decimal `db:"tax"`
	Total     decimal.Decimal `db:"total"`
	ToInvoice decimal.Decimal `db:"to_invoice"`
	ToCredit  decimal.Decimal `db:"to_credit"`
	ToPayment decimal.Decimal `db:"to_payment"`
	CreatedBy string          `db:"created_by"`
}

// CreditIssued is the payload of credit_note.issued.
type CreditIssued struct {
	UserID       uuid.UUID `json:"user_id"`
	CreditNoteID uuid.UUID `json:"credit_note_id"`
	Number       string    `json:"number"`
	InvoiceID    uuid.UUID `json:"invoice_id"`
	Total        string    `json:"total"`
	Currency     string    `json:"currency"`
}

// CreditIn makes a credit note in the caller's transaction: numbered from its own
// counter, with the tax of the invoice's own rates, never for more than the invoice
// less the notes before it. It first lowers what is due of the invoice; the rest goes
// to the customer's credit, or back to the card. Errors: NotFound, Invalid (amount,
// reason), Conflict when nothing is left or the invoice is void.
func CreditIn(ctx context.Context, tx tenants.Tx, w CreditWish) (CreditNote, error) {
	inv, err := lockInvoice(ctx, tx, w.InvoiceID)
	if err != nil {
		return CreditNote{}, err
	}
	if note, found, err := creditOfCause(ctx, tx, w.Cause); err != nil || found {
		return note, err
	}
	if err := w.check(inv); err != nil {
		return CreditNote{}, err
	}
	left, err := leftOf(ctx, tx, inv.ID)
	if err != nil {
		return CreditNote{}, err
	}
	lines, err := w.divide(inv, left)
	if err != nil {
		return CreditNote{}, err
	}
	note := w.draw(inv, lines)
	if note.Total.GreaterThan(inv.Total.Sub(inv.Credited)) || !note.Total.IsPositive() {
		return CreditNote{}, fail.New(fail.Conflict, "Nothing is left of invoice %s to give back.", inv.Number)
	}
	payments, err := w.share(ctx, tx, inv, &note)
	if err != nil {
		return CreditNote{}, err
	}
	return note, w.record(ctx, tx, inv, &note, lines, payments)
}

// Credit is CreditIn in a transaction of its own.
func (s *Service) Credit(ctx context.Context, t tenants.Tenant, w CreditWish) (note CreditNote, err error) {
	w.Refunds = s.refunds
	err = s.db.In(ctx, t, func(tx tenants.Tx) error {
		note, err = CreditIn(ctx, tx, w)
		return err
	})
	return note, err
}

// RefundBy names who gives money back to cards; without, it becomes credit. It is
// told once, before anything runs.
func (s *Service) RefundBy(r Refunder) { s.refunds = r }

func (w CreditWish) check(inv Invoice) error {
	wrong := fail.Fields{}
	if w.Reason == "" || len(w.Reason) > 500 {
		wrong.Add("reason", "Say why, in up to 500 characters: the customer reads it.")
	}
	if err := wrong.Err(); err != nil {
		return err
	}
	if inv.Status == Void {
		return fail.New(fail.Conflict, "Invoice %s is void: there is nothing to give back.", inv.Number)
	}
	return nil
}

func (w CreditWish) draw(inv Invoice, lines []CreditLine) CreditNote {
	note := CreditNote{ID: newID(), InvoiceID: inv.ID, UserID: inv.UserID, Cause: w.Cause, Reason: w.Reason, Currency: inv.Currency, CreatedBy: w.By}
	for _, l := range lines {
		note.Tax = note.Tax.Add(l.Tax)
		note.Total = note.Total.Add(l.Amount)
		if !l.inside {
			note.Total = note.Total.Add(l.Tax)
		}
	}
	note.Net = note.Total.Sub(note.Tax)
	return note
}

// share decides where the note's money goes.
func (w CreditWish) share(ctx context.Context, tx tenants.Tx, inv Invoice, note *CreditNote) ([]backTo, error) {
	if inv.Status == Open {
		note.ToInvoice = decimal.Min(note.Total, inv.AmountDue)
	}
	note.ToCredit = note.Total.Sub(note.ToInvoice)
	if w.Prefer != ToPayment || w.Refunds == nil || !note.ToCredit.IsPositive() {
		return nil, nil
	}
	all, err := refundable(ctx, tx, inv.ID)
	if err != nil {
		return nil, err
	}
	var back []backTo
	for _, p := range all {
		part := decimal.Min(p.Left, note.ToCredit)
		if part.IsPositive() {
			back = append(back, backTo{p.ID, part})
			note.ToCredit, note.ToPayment = note.ToCredit.Sub(part), note.ToPayment.Add(part)
		}
	}
	return back, nil
}

// record writes the note down, books it and announces it.
func (w CreditWish) record(ctx context.Context, tx tenants.Tx, inv Invoice, note *CreditNote, lines []CreditLine, back []backTo) error {
	numbers, err := nextNumbers(ctx, tx, creditSeries(), 1, tx.Now())
	if err != nil {
		return err
	}
	note.Number = numbers[0]
	if err := insertCredit(ctx, tx, inv, *note, lines); err != nil {
		return err
	}
	if err := w.post(ctx, tx, inv, *note); err != nil {
		return err
	}
	for _, b := range back {
		if err := w.Refunds.RefundIn(ctx, tx, b.ID, b.Left, &note.ID, w.Reason, w.By); err != nil {
			return err
		}
	}
	if err := settleCredited(ctx, tx, inv, *note); err != nil {
		return err
	}
	detail := map[string]string{"invoice": inv.Number, "total": money.API(note.Total, note.Currency), "reason": note.Reason}
	if err := audit(ctx, tx, w.By, "credit_note.issued", note.Number, detail); err != nil {
		return err
	}
	return bus.Append(ctx, tx, "credit_note.issued", CreditIssued{note.UserID, note.ID, note.Number, inv.ID, money.API(note.Total, note.Currency), note.Currency})
}

// post books what the note gives back of money that was earned: it becomes credit, or
// leaves the processor again. What only lowers an open invoice was never booked.
func (w CreditWish) post(ctx context.Context, tx tenants.Tx, inv Invoice, note CreditNote) error {
	back := note.ToCredit.Add(note.ToPayment)
	if !back.IsPositive() {
		return nil
	}
	revenue, err := ledger.Shop(ctx, tx, ledger.Revenue, inv.Currency)
	if err != nil {
		return err
	}
	cause, text := "credit_note:"+note.ID.String(), "Credit note "+note.Number+" for invoice "+inv.Number
	entries := []ledger.Entry{{Cause: cause, AccountID: revenue, Amount: back.Neg(), Description: text, Actor: w.By}}
	if note.ToCredit.IsPositive() {
		wallet, err := ledger.Wallet(ctx, tx, inv.UserID, ledger.Credit, inv.Currency)
		if err != nil {
			return err
		}
		entries = append(entries, ledger.Entry{Cause: cause, AccountID: wallet, Amount: note.ToCredit, Description: text, Actor: w.By})
	}
	if note.ToPayment.IsPositive() {
		cash, err := ledger.Shop(ctx, tx, ledger.Cash, inv.Currency)
		if err != nil {
			return err
		}
		entries = append(entries, ledger.Entry{Cause: cause, AccountID: cash, Amount: note.ToPayment, Description: text, Actor: w.By})
	}
	return ledger.Post(ctx, tx, entries)
}

// settleCredited lowers what is due of the invoice; one of which nothing is due any
// more is paid.
func settleCredited(ctx context.Context, tx tenants.Tx, inv Invoice, note CreditNote) error {
	was := inv.Status
	inv.AmountDue = inv.AmountDue.Sub(note.ToInvoice)
	if inv.Status == Open && !inv.AmountDue.IsPositive() {
		at := tx.Now()
		inv.Status, inv.PaidAt = Paid, &at
	}
	if err := updateCredited(ctx, tx, inv, note.Total); err != nil || inv.Status == was {
		return err
	}
	return bus.Append(ctx, tx, "invoice.paid", Settled{inv.UserID, inv.ID, inv.Number, money.API(note.ToInvoice, inv.Currency), inv.Currency, "credit_note:" + note.ID.String()})
}

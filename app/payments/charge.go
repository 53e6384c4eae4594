package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Outcome is what an attempt to collect came to.
type Outcome = struct {
	Paid          bool
	NoMethod      bool   // nothing saved to charge
	NeedsCustomer bool   // the bank wants to see the customer (3-D Secure)
	Pending       bool   // the processor has not decided
	Failure       string // a sentence for people
}

const (
	heldText  = "The account waits for a person of the shop to look at it; nothing is charged meanwhile."
	smallText = "This is less than a card can be charged. It is collected together with the next invoice."
)

// ChargeInvoice tries to collect an open invoice from the customer's saved card.
// However often and by how many it is asked at once, one charge is under way; after
// a decline the next call makes a new attempt. Smaller invoices than a card can be
// charged stay open and come with the next (R22): they are Pending. Trouble with the
// processor is Pending too: the sweep asks again with the same key.
func (s *Service) ChargeInvoice(ctx context.Context, t tenants.Tenant, invoice uuid.UUID) (Outcome, error) {
	at, err := s.at(ctx, t)
	if NoCards(err) {
		return Outcome{NoMethod: true}, nil
	}
	if err != nil {
		return Outcome{}, err
	}
	for range 2 {
		p, out, err := s.prepareCharge(ctx, t, invoice)
		if err != nil || p.ID == uuid.Nil {
			return out, err
		}
		if p.Method == byCard {
			p, err = s.follow(ctx, t, at, p)
			return p.outcome(), err
		}
		// The customer is on the processor's page, or has left it: it is closed first,
		// so that the invoice is not paid twice.
		if p, err = s.close(ctx, t, at, p); err != nil || p.Status == Succeeded || p.Open() {
			return p.outcome(), err
		}
	}
	return Outcome{Pending: true}, nil
}

// prepareCharge writes down the attempt that is to be made, or finds the one under
// way. No payment means that the outcome is known already.
func (s *Service) prepareCharge(ctx context.Context, t tenants.Tenant, invoice uuid.UUID) (p payment, out Outcome, err error) {
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		b, err := lockBill(ctx, tx, invoice)
		if err != nil {
			return err
		}
		if b.Status != "open" || !b.AmountDue.IsPositive() {
			out = Outcome{Paid: b.Status == "paid" || b.Status == "open"}
			return nil
		}
		var found bool
		if p, found, err = underWay(ctx, tx, invoice); err != nil || found {
			return err
		}
		if b.Held {
			out = Outcome{Pending: true, Failure: heldText}
			return nil
		}
		m, found, err := defaultMethod(ctx, tx, b.UserID)
		if err != nil || !found {
			out = Outcome{NoMethod: !found}
			return err
		}
		p, out, err = s.beginCharge(ctx, tx, b, m)
		return err
	})
	p.shop = t.ID
	return p, out, err
}

func (s *Service) beginCharge(ctx context.Context, tx tenants.Tx, b bill, m Method) (payment, Outcome, error) {
	small, err := smallBills(ctx, tx, b, minimum(b.Currency))
	if err != nil {
		return payment{}, Outcome{}, err
	}
	total := b.AmountDue
	for _, other := range small {
		total = total.Add(other.AmountDue)
	}
	if total.LessThan(minimum(b.Currency)) {
		return payment{}, Outcome{Pending: true, Failure: smallText}, nil
	}
	if total.GreaterThan(maximum(b.Currency)) {
		return payment{}, Outcome{Failure: "This is more than a card can be charged. Please pay by transfer."}, nil
	}
	p, err := s.newForInvoice(ctx, tx, b, total, byCard)
	if err != nil {
		return payment{}, Outcome{}, err
	}
	p.PaymentMethodID, p.Customer, p.Automatic = &m.ID, m.ProcessorCustomer, true
	if _, err := insertPayment(ctx, tx, p, "payments"); err != nil {
		return payment{}, Outcome{}, err
	}
	if err := insertCarries(ctx, tx, p.ID, small); err != nil {
		return payment{}, Outcome{}, err
	}
	return p, Outcome{}, s.watch(ctx, tx, p, soon)
}

// newForInvoice is the next attempt to collect an invoice. Its key is made of what it
// pays and how often that was tried.
func (s *Service) newForInvoice(ctx context.Context, tx tenants.Tx, b bill, amount decimal.Decimal, method string) (payment, error) {
	epoch, err := lastEpoch(ctx, tx, b.ID)
	epoch++
	return payment{ID: uuid.New(), UserID: b.UserID, Kind: ForInvoice, InvoiceID: &b.ID, Amount: chargeable(amount, b.Currency), Currency: b.Currency, Method: method,
		Status: Pending, IdempotencyKey: fmt.Sprintf("invoice:%s:%d", b.ID, epoch), Epoch: epoch, Description: "Invoice " + b.Number, AskedAt: new(s.Wall()), shop: tx.Tenant().ID}, err
}

// keyLife is how long an idempotency key can be relied on, by the wall. Stripe
// remembers for a day at least.
const keyLife = 20 * time.Hour

// follow asks the processor about a payment under way and applies the answer. What
// has no answer yet is asked for with the key that was written down with it, so that
// a crash or a lost answer ends in one charge.
func (s *Service) follow(ctx context.Context, t tenants.Tenant, at *processor, p payment) (payment, error) {
	p.shop = t.ID
	var m Method
	if p.PaymentMethodID != nil {
		err := s.DB.In(ctx, t, func(tx tenants.Tx) (err error) { m, err = methodOf(ctx, tx, *p.PaymentMethodID); return err })
		if err != nil {
			return p, err
		}
	}
	in, err := s.ask(ctx, at, p, m.ProcessorID)
	switch judged := judge(err); {
	case err == nil:
		return s.applied(ctx, t, p.ID, in)
	case judged == unknown, judged == unkeyed:
		code, text := said(err)
		s.Log.WarnContext(ctx, "a charge waits for the processor", "tenant", t.Slug, "payment", p.ID, "code", code, "err", text)
		return p, ctx.Err()
	case judged == tooSmall:
		return s.ended(ctx, t, p.ID, Cancelled, codeTooSmall, smallText)
	default:
		code, text := said(err)
		s.Log.WarnContext(ctx, "a charge was refused", "tenant", t.Slug, "payment", p.ID, "code", code, "err", text)
		return s.ended(ctx, t, p.ID, Failed, orElse(code, "refused"), "The card could not be charged. Please save it once more, or another one.")
	}
}

func (s *Service) ask(ctx context.Context, at *processor, p payment, method string) (intent, error) {
	if p.ProcessorID != "" {
		return at.intent(ctx, p.ProcessorID)
	}
	if p.AskedAt == nil || s.Wall().Sub(*p.AskedAt) > keyLife {
		return s.askOld(ctx, at, p)
	}
	in, err := at.charge(ctx, p, method)
	if judge(err) == mixed { // the same key with other words: what was charged is there
		return s.askOld(ctx, at, p)
	}
	return in, err
}

// askOld looks for what came of a call whose key can no longer be used. Nothing
// found means that nothing was charged.
func (s *Service) askOld(ctx context.Context, at *processor, p payment) (intent, error) {
	in, found, err := at.findIntent(ctx, p)
	if err == nil && !found {
		in = intent{Status: "canceled", At: s.Wall(), Amount: minor(p.Amount, p.Currency), Currency: p.Currency, Payment: p.ID, Shop: p.shop}
	}
	return in, err
}

// applied is apply in a transaction of its own.
func (s *Service) applied(ctx context.Context, t tenants.Tenant, id uuid.UUID, in intent) (p payment, err error) {
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		p, err = s.apply(ctx, tx, id, in)
		return err
	})
	return p, err
}

func (s *Service) ended(ctx context.Context, t tenants.Tenant, id uuid.UUID, status, code, failure string) (p payment, err error) {
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		p, err = s.giveUp(ctx, tx, id, status, code, failure)
		return err
	})
	return p, err
}

// OnInvoice collects an invoice that was just made (invoice.finalised), where a card
// is saved.
func (s *Service) OnInvoice(ctx context.Context, m *bus.Message) error {
	var made struct {
		InvoiceID uuid.UUID `json:"invoice_id"`
	}
	if err := m.Decode(&made); err != nil {
		return err
	}
	_, err := s.ChargeInvoice(ctx, m.Tenant, made.InvoiceID)
	if fail.Is(err, fail.NotFound) {
		return nil
	}
	return err
}

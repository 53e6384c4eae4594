package payments

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// kindRefund is the due time at which a refund is asked for, and asked about until
// it is decided; its key is the refund.
const kindRefund = "refund"

type refund struct {
	ID             uuid.UUID
	PaymentID      uuid.UUID
	UserID         uuid.UUID
	Amount         decimal.Decimal
	Currency       string
	Status         string
	ProcessorID    string
	IdempotencyKey string
	Intent         string
	CreatedAt      time.Time
}

// Refunded is the payload of refund.succeeded and refund.failed.
type Refunded struct {
	UserID    uuid.UUID `json:"user_id"`
	PaymentID uuid.UUID `json:"payment_id"`
	RefundID  uuid.UUID `json:"refund_id"`
	Amount    string    `json:"amount"`
	Currency  string    `json:"currency"`
}

// RefundIn writes down, in the caller's transaction, that a payment's money is to go
// back to the card; the processor is asked once that is committed. What is taken out
// of the books for it is the caller's to post: of the customer's credit for a top-up,
// by a credit note for an invoice. A refund that fails becomes credit. Errors:
// NotFound, Conflict when the payment has not so much left or did not come by card.
func (s *Service) RefundIn(ctx context.Context, tx tenants.Tx, paymentID uuid.UUID, amount decimal.Decimal, creditNote *uuid.UUID, reason, actor string) error {
	p, found, err := lockPayment(ctx, tx, paymentID)
	switch {
	case err != nil:
		return err
	case !found:
		return fail.Missing("payment")
	case p.Status != Succeeded || !p.ByCard() || p.ProcessorID == "":
		return fail.New(fail.Conflict, "Only a payment that came in by card can be given back to it.")
	case !amount.IsPositive() || !amount.Equal(chargeable(amount, p.Currency)):
		return fail.Fields{"amount": "Enter an amount above zero, in steps of " + money.API(grain(p.Currency), p.Currency) + "."}.Err()
	case amount.GreaterThan(p.Left()):
		return fail.New(fail.Conflict, "Only %s of this payment are left to give back.", money.Of(p.Left(), p.Currency).Format())
	}
	id := uuid.New()
	if err := insertRefund(ctx, tx, id, p, amount, creditNote, reason, actor); err != nil {
		return err
	}
	if err := audit(ctx, tx, actor, "payment.refunded", p.ID.String(), map[string]string{"amount": amount.String(), "currency": p.Currency, "reason": reason}); err != nil {
		return err
	}
	return bus.Due(ctx, tx, kindRefund, id.String(), tx.Now(), nil)
}

// RefundTopUp gives a top-up back to the card and takes it out of the customer's
// credit. Errors: as RefundIn; PaymentRequired when so much is not free.
func (s *Service) RefundTopUp(ctx context.Context, t tenants.Tenant, paymentID uuid.UUID, amount decimal.Decimal, reason, actor, token string) error {
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		p, err := findPayment(ctx, tx, paymentID)
		if err != nil {
			return err
		}
		if p.Kind != ForTopUp {
			return fail.New(fail.Conflict, "A payment of an invoice is given back with a credit note: open the invoice.")
		}
		booked, err := ledger.PayBack(ctx, tx, ledger.Money{UserID: p.UserID, Amount: amount, Currency: p.Currency, Place: ledger.Cash,
			Cause: "refund:" + rowOf(p.ID, token).String(), Description: "Given back to the card", Actor: actor})
		if err != nil || !booked {
			return err
		}
		return s.RefundIn(ctx, tx, paymentID, amount, nil, reason, actor)
	})
}

// OnRefundDue asks the processor for a refund, with the refund's own key, and looks
// again while it is not decided.
func (s *Service) OnRefundDue(ctx context.Context, m *bus.Message) error {
	id, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(err)
	}
	var r refund
	if err := s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) (err error) { r, err = findRefund(ctx, tx, id); return err }); err != nil {
		return err
	}
	got := giveBack{ID: r.ProcessorID, Status: r.Status}
	if r.Status == "pending" {
		if got, err = s.askRefund(ctx, m.Tenant, r); err != nil {
			return err
		}
	}
	return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		open, err := s.applyRefund(ctx, tx, id, got)
		if err != nil || !open {
			return err
		}
		return bus.Due(ctx, tx, kindRefund, m.Key, tx.Now().Add(hourly), nil)
	})
}

func (s *Service) askRefund(ctx context.Context, t tenants.Tenant, r refund) (got giveBack, err error) {
	at, err := s.at(ctx, t)
	if NoCards(err) {
		return giveBack{Status: "failed", Why: "the shop has no account at the processor any more"}, nil
	}
	if err != nil {
		return giveBack{}, err
	}
	if r.ProcessorID != "" {
		got, err = at.refundByID(ctx, r.ProcessorID)
	} else {
		got, err = at.refund(ctx, r, t.ID)
	}
	switch judge(err) {
	case refused, declined, missing, tooSmall:
		_, text := said(err)
		return giveBack{Status: "failed", Why: text}, nil
	case unkeyed:
		return giveBack{}, bus.Later(hourly, "the shop's key does not open its account")
	}
	if err != nil {
		code, text := said(err)
		s.Log.WarnContext(ctx, "a refund waits for the processor", "tenant", t.Slug, "refund", r.ID, "code", code, "err", text)
		return giveBack{}, bus.Later(soon, "the processor does not answer")
	}
	return got, nil
}

// applyRefund is the one way in which the state of a refund becomes ours.
func (s *Service) applyRefund(ctx context.Context, tx tenants.Tx, id uuid.UUID, got giveBack) (open bool, err error) {
	r, err := lockRefund(ctx, tx, id)
	if err != nil || r.Status != "pending" {
		return false, err
	}
	status := "pending"
	switch got.Status {
	case "succeeded":
		status = "succeeded"
	case "failed", "canceled":
		status = "failed"
	}
	if err := updateRefund(ctx, tx, id, status, got); err != nil || status == "pending" {
		return err == nil, err
	}
	e := Refunded{r.UserID, r.PaymentID, r.ID, money.API(r.Amount, r.Currency), r.Currency}
	if status == "succeeded" {
		return false, bus.Append(ctx, tx, "refund.succeeded", e)
	}
	return false, s.refundFailed(ctx, tx, r, got.Why, e)
}

// refundFailed gives the customer as credit what could not go back to the card.
func (s *Service) refundFailed(ctx context.Context, tx tenants.Tx, r refund, why string, e Refunded) error {
	if err := takeBackRefund(ctx, tx, r); err != nil {
		return err
	}
	_, err := ledger.TopUp(ctx, tx, ledger.Money{UserID: r.UserID, Amount: r.Amount, Currency: r.Currency, Place: ledger.Cash, Cause: "refund-failed:" + r.ID.String(),
		Description: "Could not be given back to the card", Actor: "payments"})
	if err != nil {
		return err
	}
	amount := money.Of(r.Amount, r.Currency).Format()
	err = attend(ctx, tx, "refund", r.ID.String(), "A refund of "+amount+" at "+tx.Tenant().Name+" failed", map[string]string{"payment": r.PaymentID.String(), "why": why})
	if err != nil {
		return err
	}
	return bus.Append(ctx, tx, "refund.failed", e)
}

func (s *Service) heedRefund(ctx context.Context, t tenants.Tenant, at *processor, id string) error {
	got, err := at.refundByID(ctx, id)
	if err != nil {
		return err
	}
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		row, found, err := refundAt(ctx, tx, got.ID, got.Row)
		if err != nil || !found {
			return err
		}
		_, err = s.applyRefund(ctx, tx, row, got)
		return err
	})
}

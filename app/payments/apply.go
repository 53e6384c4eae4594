package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// Event is the payload of payment.succeeded, payment.failed and payment.disputed.
type Event struct {
	UserID        uuid.UUID  `json:"user_id"`
	PaymentID     uuid.UUID  `json:"payment_id"`
	InvoiceID     *uuid.UUID `json:"invoice_id,omitempty"`
	Kind          string     `json:"kind"`
	Amount        string     `json:"amount"`
	Currency      string     `json:"currency"`
	Automatic     bool       `json:"automatic"`
	Failure       string     `json:"failure,omitempty"` // for people
	NeedsCustomer bool       `json:"needs_customer,omitempty"`
	ConfirmPath   string     `json:"confirm_path,omitempty"`
}

func (p payment) event() Event {
	return Event{UserID: p.UserID, PaymentID: p.ID, InvoiceID: p.InvoiceID, Kind: p.Kind, Amount: money.API(p.Amount, p.Currency), Currency: p.Currency,
		Automatic: p.Automatic, Failure: p.Failure, NeedsCustomer: p.Status == NeedsCustomer, ConfirmPath: p.confirmPath()}
}

func (p payment) confirmPath() string { return "/payments/" + p.ID.String() + "/confirm" }

// apply is the one way in which the state of a payment at the processor becomes
// ours, whoever brings it: the answer to the call, the page that the customer
// returns to, an announcement, or the sweep (R22). An answer that was asked for
// earlier than the one that was applied last changes nothing, and money that came
// in is booked once.
func (s *Service) apply(ctx context.Context, tx tenants.Tx, id uuid.UUID, in intent) (payment, error) {
	p, found, err := lockPayment(ctx, tx, id)
	if err != nil || !found {
		return p, err
	}
	if strange := p.strange(in, tx.Tenant().ID); strange != "" {
		s.Log.WarnContext(ctx, "an object of the processor is not the payment that it says", "tenant", tx.Tenant().Slug, "payment", p.ID, "object", in.ID, "why", strange)
		return p, nil
	}
	next := stateOf(in, p)
	if !p.follows(next, in.At) {
		return p, nil
	}
	was := p.Status
	p.ProcessorID, p.ProcessorAt, p.Status = in.ID, &in.At, next
	p.FailureCode, p.Failure = "", ""
	switch next {
	case Succeeded:
		p.SucceededAt = new(tx.Now())
	case Failed, NeedsCustomer:
		p.FailureCode, p.Failure = in.Code, sentence(in.Code, in.Decline)
		if in.Decline != "" {
			p.FailureCode = in.Decline
		}
	}
	if err := updateApplied(ctx, tx, p); err != nil || next == was {
		return p, err
	}
	return p, s.decided(ctx, tx, p)
}

// strange says why an intent cannot be the payment's; empty when it can.
func (p payment) strange(in intent, shop uuid.UUID) string {
	switch {
	case p.ProcessorID != "" && p.ProcessorID != in.ID:
		return "the payment has another one"
	case in.Shop != uuid.Nil && in.Shop != shop, in.Payment != uuid.Nil && in.Payment != p.ID:
		return "it was made for another"
	case in.Currency != p.Currency || in.Amount != minor(p.Amount, p.Currency):
		return fmt.Sprintf("it is over %d %s", in.Amount, in.Currency)
	}
	return ""
}

// follows says whether a state may come after the one that is known. Money that came
// in stays, and comes in whatever was thought before.
func (p payment) follows(next string, at time.Time) bool {
	switch {
	case p.Status == Succeeded:
		return false
	case next == Succeeded:
		return true
	case !p.Open():
		return false
	}
	return p.ProcessorAt == nil || at.After(*p.ProcessorAt)
}

// stateOf reads Stripe's word. On the processor's page a card that was declined is
// no failure: the customer is still there and tries another.
func stateOf(in intent, p payment) string {
	switch in.Status {
	case "succeeded":
		return Succeeded
	case "processing":
		return Processing
	case "canceled":
		return Cancelled
	case "requires_payment_method", "requires_action", "requires_confirmation":
		if p.Method == byCheckout {
			return Pending
		}
		if in.Code == codeConfirm || in.Decline == codeConfirm || in.Status == "requires_action" {
			return NeedsCustomer
		}
		return Failed
	}
	return p.Status
}

// decided books what a payment came to and tells whoever waits for it.
func (s *Service) decided(ctx context.Context, tx tenants.Tx, p payment) error {
	if p.Open() {
		return nil
	}
	if err := bus.Undue(ctx, tx, kindSweep, p.ID.String()); err != nil {
		return err
	}
	switch p.Status {
	case Succeeded:
		if err := s.book(ctx, tx, p); err != nil {
			return err
		}
		if err := bus.Append(ctx, tx, "payment.succeeded", p.event()); err != nil {
			return err
		}
	case Failed, NeedsCustomer:
		if err := bus.Append(ctx, tx, "payment.failed", p.event()); err != nil {
			return err
		}
	}
	return s.landed(ctx, tx, p)
}

// book puts money that came in where it belongs. A deposit becomes credit and pays
// nothing; what is over of an invoice's payment becomes credit too.
func (s *Service) book(ctx context.Context, tx tenants.Tx, p payment) error {
	cause := "payment:" + p.ID.String()
	if p.Kind == ForTopUp {
		_, err := ledger.TopUp(ctx, tx, ledger.Money{UserID: p.UserID, Amount: p.Amount, Currency: p.Currency, Place: ledger.Cash, Cause: cause,
			Description: "Credit bought by card", Actor: "payments"})
		return err
	}
	small, err := carriesOf(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	rest := p.Amount
	for _, c := range small {
		part := decimal.Min(c.Amount, rest)
		rest = rest.Sub(part)
		if err := settle(ctx, tx, c.InvoiceID, part, cause+":"+c.InvoiceID.String()); err != nil {
			return err
		}
	}
	return settle(ctx, tx, *p.InvoiceID, rest, cause)
}

func settle(ctx context.Context, tx tenants.Tx, invoice uuid.UUID, amount decimal.Decimal, cause string) error {
	if !amount.IsPositive() {
		return nil
	}
	return billing.SettleIn(ctx, tx, invoice, billing.Receipt{Amount: amount, Place: ledger.Cash, Cause: cause, Actor: "payments", At: tx.Now()})
}

// giveUp ends a payment of which nothing came, without an object at the processor.
func (s *Service) giveUp(ctx context.Context, tx tenants.Tx, id uuid.UUID, status, code, failure string) (payment, error) {
	p, found, err := lockPayment(ctx, tx, id)
	if err != nil || !found || !p.Open() {
		return p, err
	}
	p.Status, p.FailureCode, p.Failure = status, code, failure
	if err := updateApplied(ctx, tx, p); err != nil {
		return p, err
	}
	return p, s.decided(ctx, tx, p)
}

// codeConfirm is the decline that ends well once the customer has been to the bank.
const codeConfirm = "authentication_required"

// sentence is a decline for the customer. Banks ask not to be quoted on some, so
// those say no more than that the bank said no.
func sentence(code, decline string) string {
	if code == codeConfirm || decline == codeConfirm {
		return "Your bank wants you to confirm this payment."
	}
	switch orElse(decline, code) {
	case "insufficient_funds":
		return "The bank says that there is not enough money for this."
	case "expired_card":
		return "The card has expired."
	case "incorrect_cvc", "invalid_cvc":
		return "The security code of the card is not right."
	case "card_velocity_exceeded", "withdrawal_count_limit_exceeded":
		return "The limit of the card is used up."
	case "processing_error", "try_again_later", "issuer_not_available":
		return "The bank could not be reached."
	case "currency_not_supported", "card_not_supported":
		return "The card does not do this kind of payment."
	}
	return "The bank declined the card."
}

// gone tells that something is not there, as opposed to trouble.
func gone(err error) bool { return fail.Is(err, fail.NotFound) || judge(err) == missing }

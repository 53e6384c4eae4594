package payments

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// owed is a wholesale invoice as far as collecting it goes.
type owed struct {
	ID          uuid.UUID
	TenantID    uuid.UUID
	Number      string
	Status      string
	Currency    string
	AmountDue   decimal.Decimal
	CheckoutID  string
	CheckoutURL string `db:"checkout_url"`
	ProcessorID string
	Epoch       int
}

// payment is the invoice as a payment, for the calls that both have in common. The
// epoch grows with each attempt that came to nothing, and the key with it.
func (o owed) payment(house tenants.Tenant, customer string) payment {
	return payment{ID: o.ID, Amount: chargeable(o.AmountDue, o.Currency), Currency: o.Currency, Customer: customer, Description: "Invoice " + o.Number, wholesale: true,
		IdempotencyKey: fmt.Sprintf("wholesale:%s:%d", o.ID, o.Epoch), shop: house.ID}
}

// wholesaleCall is what collecting a wholesale invoice begins with.
type wholesaleCall struct {
	house    tenants.Tenant
	reseller tenants.Tenant
	at       *processor
	inv      owed
}

func (s *Service) wholesaleOf(ctx context.Context, invoice uuid.UUID) (c wholesaleCall, err error) {
	house, is := s.DB.Registry().House()
	if !is {
		return c, errNoCards
	}
	if c.inv, err = s.findOwed(ctx, invoice); err != nil {
		return c, err
	}
	t, is := s.DB.Registry().ByID(c.inv.TenantID)
	if !is {
		return c, fail.Missing("reseller")
	}
	c.house, c.reseller = house, t
	c.at, err = s.at(ctx, house)
	return c, err
}

// CollectWholesale tries to collect a wholesale invoice from the card that the
// reseller saved with the provider when it last paid. Repeated and in parallel it
// makes one charge; after a decline the next call makes a new attempt.
func (s *Service) CollectWholesale(ctx context.Context, invoice uuid.UUID) (Outcome, error) {
	c, err := s.wholesaleOf(ctx, invoice)
	switch {
	case NoCards(err):
		return Outcome{NoMethod: true}, nil
	case err != nil:
		return Outcome{}, err
	case c.inv.Status != "open":
		return Outcome{Paid: c.inv.Status == "paid"}, nil
	case c.inv.AmountDue.LessThan(minimum(c.inv.Currency)):
		return Outcome{Pending: true, Failure: smallText}, nil
	}
	if c.inv.ProcessorID != "" || c.inv.CheckoutID != "" {
		out, open, err := s.lookWholesale(ctx, c)
		if err != nil || open || out.Paid {
			return out, err
		}
		if c.inv, err = s.findOwed(ctx, invoice); err != nil {
			return Outcome{}, err
		}
	}
	customer, method, err := s.resellerCard(ctx, c.reseller.ID, c.at.account)
	if err != nil || method == "" {
		return Outcome{NoMethod: method == ""}, err
	}
	in, err := c.at.charge(ctx, c.inv.payment(c.house, customer), method)
	switch judged := judge(err); {
	case err == nil:
		return s.applyWholesale(ctx, in)
	case judged == unknown, judged == unkeyed:
		return Outcome{Pending: true}, s.logged(ctx, c.house, "collect a wholesale invoice", err)
	}
	out := Outcome{Failure: "The card could not be charged."}
	if err := s.logged(ctx, c.house, "collect a wholesale invoice", err); err != nil {
		return out, err
	}
	return out, s.failWholesale(ctx, invoice, c.inv.Epoch, out.Failure)
}

func (s *Service) logged(ctx context.Context, t tenants.Tenant, what string, err error) error {
	code, text := said(err)
	s.Log.WarnContext(ctx, "the processor did not do what was asked", "tenant", t.Slug, "what", what, "code", code, "err", text)
	return ctx.Err()
}

// PayWholesale begins the payment of a wholesale invoice by its reseller, at the
// provider's account. The card is saved for the next ones. Back is the page of the
// invoice that the reseller comes back to. Errors: NotFound for another reseller's,
// NoCards, Conflict.
func (s *Service) PayWholesale(ctx context.Context, t tenants.Tenant, invoice uuid.UUID, back string) (Visit, error) {
	c, err := s.wholesaleOf(ctx, invoice)
	switch {
	case err != nil:
		return Visit{}, err
	case c.reseller.ID != t.ID:
		return Visit{}, fail.Missing("invoice")
	case c.inv.Status != "open":
		return Visit{}, fail.New(fail.Conflict, "There is nothing to pay on this invoice.")
	case c.inv.AmountDue.LessThan(minimum(c.inv.Currency)) || c.inv.AmountDue.GreaterThan(maximum(c.inv.Currency)):
		return Visit{}, fail.New(fail.Conflict, "This amount cannot be paid by card. Please pay by transfer.")
	}
	if c.inv.ProcessorID != "" || c.inv.CheckoutID != "" {
		out, open, err := s.lookWholesale(ctx, c)
		if err != nil || out.Paid {
			return Visit{}, err
		}
		if open && c.inv.CheckoutURL != "" {
			return Visit{URL: c.inv.CheckoutURL}, nil
		}
		if open {
			return Visit{}, fail.New(fail.Conflict, "A payment of this invoice is under way. Please look again in a few minutes.")
		}
		if c.inv, err = s.findOwed(ctx, invoice); err != nil {
			return Visit{}, err
		}
	}
	return s.visitWholesale(ctx, c, back)
}

func (s *Service) visitWholesale(ctx context.Context, c wholesaleCall, back string) (Visit, error) {
	customer, _, err := s.resellerCard(ctx, c.reseller.ID, c.at.account)
	if err == nil && customer == "" {
		customer, err = c.at.makeCustomer(ctx, "reseller:"+c.reseller.ID.String(), c.reseller.OwnerEmail, c.reseller.Name, map[string]string{"reseller_id": c.reseller.ID.String()})
		if err != nil {
			return Visit{}, s.sorry(ctx, c.house, "make a customer", err)
		}
		err = s.keepResellerCard(ctx, c.reseller.ID, c.at.account, customer, "")
	}
	if err != nil {
		return Visit{}, err
	}
	opened, err := c.at.pay(ctx, c.inv.payment(c.house, customer), back, back)
	if err != nil {
		return Visit{}, s.sorry(ctx, c.house, "open the page to pay", err)
	}
	return Visit{URL: opened.URL}, s.keepWholesaleCheckout(ctx, c.inv, opened)
}

// LookWholesale applies what came of a wholesale invoice's payment; its page asks
// when the reseller comes back to it.
func (s *Service) LookWholesale(ctx context.Context, invoice uuid.UUID) error {
	c, err := s.wholesaleOf(ctx, invoice)
	if NoCards(err) {
		return nil
	}
	if err != nil || c.inv.Status != "open" || c.inv.ProcessorID == "" && c.inv.CheckoutID == "" {
		return err
	}
	_, _, err = s.lookWholesale(ctx, c)
	return err
}

// lookWholesale asks what came of the attempt under way; open says that it is not
// decided.
func (s *Service) lookWholesale(ctx context.Context, c wholesaleCall) (out Outcome, open bool, err error) {
	var in intent
	over := false
	if c.inv.ProcessorID != "" {
		in, err = c.at.intent(ctx, c.inv.ProcessorID)
	} else {
		var got session
		got, err = c.at.session(ctx, c.inv.CheckoutID)
		over = got.Status == "expired"
		if got.Intent != nil {
			in = *got.Intent
		}
	}
	switch {
	case judge(err) == missing:
		over = true
	case err != nil:
		return Outcome{Pending: true}, true, s.sorry(ctx, c.house, "look at a payment", err)
	}
	if in.ID != "" {
		if out, err = s.applyWholesale(ctx, in); err != nil || out.Paid {
			return out, false, err
		}
		over = over || c.inv.CheckoutID == "" && !out.Pending
	}
	if over {
		return Outcome{}, false, s.failWholesale(ctx, c.inv.ID, c.inv.Epoch, out.Failure)
	}
	return Outcome{Pending: true}, true, nil
}

// applyWholesale is the one way in which the state of a wholesale invoice's payment
// becomes ours. The card of one that went well pays the next.
func (s *Service) applyWholesale(ctx context.Context, in intent) (Outcome, error) {
	inv, err := s.findOwed(ctx, in.Wholesale)
	if err != nil || inv.Status != "open" {
		return Outcome{Paid: err == nil && inv.Status == "paid"}, ignoreMissing(err)
	}
	if in.Currency != inv.Currency || in.Amount != minor(chargeable(inv.AmountDue, inv.Currency), inv.Currency) {
		return Outcome{Pending: true}, nil
	}
	switch in.Status {
	case "succeeded":
		if err := s.keepWholesaleIntent(ctx, inv, in); err != nil {
			return Outcome{}, err
		}
		return Outcome{Paid: true}, s.Collected(ctx, inv.ID, in.ID)
	case "processing":
		return Outcome{Pending: true}, s.keepWholesaleIntent(ctx, inv, in)
	case "canceled", "requires_payment_method", "requires_action", "requires_confirmation":
		if inv.CheckoutID != "" {
			return Outcome{Pending: true}, nil // the reseller tries another card on the page
		}
		out := Outcome{NeedsCustomer: in.Code == codeConfirm, Failure: sentence(in.Code, in.Decline)}
		return out, s.failWholesale(ctx, inv.ID, inv.Epoch, out.Failure)
	}
	return Outcome{Pending: true}, nil
}

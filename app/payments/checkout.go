package payments

import (
	"context"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// Visit is where a customer goes to pay or to save a card: the processor's page, or,
// when there is nothing left to do there, a page of the shop.
type Visit struct {
	Payment uuid.UUID
	URL     string // at the processor; empty when it was paid already
}

// rowOf is the id of what a form makes: sent twice, it makes it once (P15), and a
// token of another customer's form is of no use.
func rowOf(user uuid.UUID, token string) uuid.UUID { return uuid.NewSHA1(user, []byte(token)) }

// Limits are the least and the most that can be bought at once.
func Limits(currency string) (least, most decimal.Decimal) {
	return decimal.Max(minimum(currency), decimal.NewFromInt(1)), decimal.Min(maximum(currency), decimal.NewFromInt(mostTopUp))
}

const mostTopUp = 100_000

// BuyCredit begins the purchase of credit in the shop's currency. The token comes
// with the form. Errors: Invalid (amount), NoCards, Conflict for a token that was
// used for another amount.
func (s *Service) BuyCredit(ctx context.Context, t tenants.Tenant, user uuid.UUID, amount decimal.Decimal, token string) (Visit, error) {
	if err := mayBuy("amount", amount, t.Currency); err != nil {
		return Visit{}, err
	}
	at, err := s.at(ctx, t)
	if err != nil {
		return Visit{}, err
	}
	return s.topUpVisit(ctx, t, at, payment{ID: rowOf(user, "topup:"+token), UserID: user, Kind: ForTopUp, Amount: amount, Currency: t.Currency})
}

func mayBuy(field string, amount decimal.Decimal, currency string) error {
	wrong := fail.Fields{}
	least, most := Limits(currency)
	switch {
	case amount.LessThan(least):
		wrong.Add(field, "Enter at least %s.", money.Of(least, currency).Format())
	case amount.GreaterThan(most):
		wrong.Add(field, "Enter at most %s.", money.Of(most, currency).Format())
	case !amount.Equal(chargeable(amount, currency)) || !amount.Equal(money.Round(amount, currency)):
		wrong.Add(field, "The smallest step in %s is %s.", currency, money.API(grain(currency), currency))
	}
	return wrong.Err()
}

func (s *Service) topUpVisit(ctx context.Context, t tenants.Tenant, at *processor, p payment) (Visit, error) {
	customer, err := s.customer(ctx, t, at, p.UserID)
	if err != nil {
		return Visit{}, err
	}
	p.Method, p.Status, p.IdempotencyKey, p.Epoch, p.Customer, p.Description = byCheckout, Pending, "topup:"+p.ID.String(), 1, customer, "Credit at "+t.Name
	p.AskedAt, p.shop = new(s.Wall()), t.ID
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		wanted := p.Amount
		if _, err := insertPayment(ctx, tx, p, "user:"+p.UserID.String()); err != nil {
			return err
		}
		if p, err = findPayment(ctx, tx, p.ID); err != nil {
			return err
		}
		if !p.Amount.Equal(wanted) {
			return fail.New(fail.Conflict, "This form was sent before with another amount. Load the page again.")
		}
		return s.watch(ctx, tx, p, hourly)
	})
	if err != nil {
		return Visit{}, err
	}
	return s.visit(ctx, t, at, p)
}

// visit opens the processor's page for a payment, or finds the one that was opened.
func (s *Service) visit(ctx context.Context, t tenants.Tenant, at *processor, p payment) (Visit, error) {
	p.shop = t.ID
	if !p.Open() {
		return Visit{Payment: p.ID}, nil
	}
	if p.CheckoutURL != "" {
		return Visit{p.ID, p.CheckoutURL}, nil
	}
	opened, err := at.pay(ctx, p, s.Links(t, p.donePath()), s.Links(t, p.backPath()))
	if judge(err) == tooSmall {
		_, err = s.ended(ctx, t, p.ID, Cancelled, codeTooSmall, smallText)
		return Visit{}, orErr(err, fail.New(fail.Conflict, smallText))
	}
	if err != nil {
		if judged := judge(err); judged != unknown && judged != unkeyed {
			_, ended := s.ended(ctx, t, p.ID, Failed, "refused", "The card processor refused this.")
			return Visit{}, orErr(ended, s.sorry(ctx, t, "open the page to pay", err))
		}
		return Visit{}, s.sorry(ctx, t, "open the page to pay", err)
	}
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error { return updateCheckout(ctx, tx, p.ID, opened.ID, opened.URL) })
	return Visit{p.ID, opened.URL}, err
}

func orErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// The processor writes the session's id where the braces stand.
const sessionMark = "?session_id={CHECKOUT_SESSION_ID}"

func (p payment) donePath() string {
	if p.Kind == ForTopUp {
		return "/billing/top-up/done" + sessionMark
	}
	return p.confirmPath()
}

func (p payment) backPath() string {
	if p.Kind == ForTopUp {
		return "/billing"
	}
	return p.confirmPath()
}

// PayInvoice begins the payment of an open invoice by its customer. While a payment
// of it is under way it leads to that one.
func (s *Service) PayInvoice(ctx context.Context, t tenants.Tenant, user uuid.UUID, number string) (Visit, error) {
	var b bill
	err := s.DB.In(ctx, t, func(tx tenants.Tx) (err error) { b, err = lockBillOf(ctx, tx, user, number); return err })
	if err != nil {
		return Visit{}, err
	}
	at, err := s.at(ctx, t)
	if err != nil {
		return Visit{}, err
	}
	customer, err := s.customer(ctx, t, at, user)
	if err != nil {
		return Visit{}, err
	}
	for range 3 {
		p, fresh, err := s.prepareVisit(ctx, t, b.ID, customer)
		if err != nil {
			return Visit{}, err
		}
		if !fresh {
			if p, fresh, err = s.stillGood(ctx, t, at, p); err != nil {
				return Visit{}, err
			}
		}
		switch {
		case p.Status == Succeeded:
			return Visit{Payment: p.ID}, nil
		case fresh:
			return s.visit(ctx, t, at, p)
		}
	}
	return Visit{}, fail.New(fail.Conflict, "A payment of this invoice is under way. Please look again in a few minutes.")
}

// prepareVisit writes a payment down, or finds the one under way; fresh says that
// the page may be opened without a look at it.
func (s *Service) prepareVisit(ctx context.Context, t tenants.Tenant, invoice uuid.UUID, customer string) (p payment, fresh bool, err error) {
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		b, err := lockBill(ctx, tx, invoice)
		if err != nil {
			return err
		}
		switch {
		case b.Status != "open" || !b.AmountDue.IsPositive():
			return fail.New(fail.Conflict, "There is nothing to pay on this invoice.")
		case b.AmountDue.LessThan(minimum(b.Currency)):
			return fail.New(fail.Conflict, smallText)
		case b.AmountDue.GreaterThan(maximum(b.Currency)):
			return fail.New(fail.Conflict, "This is more than a card can be charged. Please pay by transfer.")
		}
		var found bool
		if p, found, err = underWay(ctx, tx, invoice); err != nil || found {
			fresh = found && p.Method == byCheckout && p.CheckoutURL == "" && p.Amount.Equal(chargeable(b.AmountDue, b.Currency))
			return err
		}
		if p, err = s.newForInvoice(ctx, tx, b, b.AmountDue, byCheckout); err != nil {
			return err
		}
		p.Customer, fresh = customer, true
		if _, err := insertPayment(ctx, tx, p, "user:"+b.UserID.String()); err != nil {
			return err
		}
		return s.watch(ctx, tx, p, hourly)
	})
	return p, fresh, err
}

// stillGood looks at a payment under way: an open page over the same amount is used
// again, one over another amount is closed.
func (s *Service) stillGood(ctx context.Context, t tenants.Tenant, at *processor, p payment) (payment, bool, error) {
	if p.Method != byCheckout {
		p, err := s.follow(ctx, t, at, p)
		return p, false, err
	}
	var b bill
	err := s.DB.In(ctx, t, func(tx tenants.Tx) (err error) { b, err = lockBill(ctx, tx, *p.InvoiceID); return err })
	if err != nil {
		return p, false, err
	}
	if !p.Amount.Equal(chargeable(b.AmountDue, b.Currency)) {
		p, err := s.close(ctx, t, at, p)
		return p, false, err
	}
	p, err = s.look(ctx, t, at, p)
	return p, p.Open(), err
}

// look asks what came of the processor's page and applies it.
func (s *Service) look(ctx context.Context, t tenants.Tenant, at *processor, p payment) (payment, error) {
	if p.CheckoutID == "" {
		if p.AskedAt != nil && s.Wall().Sub(*p.AskedAt) <= keyLife {
			return p, nil // nobody has seen the page; it is opened again under the same key
		}
		return s.ended(ctx, t, p.ID, Cancelled, "", "")
	}
	visited, err := at.session(ctx, p.CheckoutID)
	switch {
	case judge(err) == missing:
		return s.ended(ctx, t, p.ID, Cancelled, "", "")
	case err != nil:
		return p, s.sorry(ctx, t, "look at a payment", err)
	case visited.Intent != nil:
		if p, err = s.applied(ctx, t, p.ID, *visited.Intent); err != nil || !p.Open() {
			return p, err
		}
	}
	if visited.Status == "expired" {
		return s.ended(ctx, t, p.ID, Cancelled, "", "")
	}
	return p, nil
}

// close closes the processor's page of a payment, and applies what came of it
// before that.
func (s *Service) close(ctx context.Context, t tenants.Tenant, at *processor, p payment) (payment, error) {
	if p.CheckoutID == "" { // the answer that named the page was lost, or is on its way: get it
		if _, err := s.visit(ctx, t, at, p); err != nil {
			return p, err
		}
		err := s.DB.In(ctx, t, func(tx tenants.Tx) (err error) { p, err = findPayment(ctx, tx, p.ID); return err })
		if err != nil {
			return p, err
		}
	}
	if err := at.expire(ctx, p.CheckoutID); err != nil {
		return p, s.sorry(ctx, t, "close a page", err)
	}
	return s.look(ctx, t, at, p)
}

// ConfirmAgain begins the payment that takes the place of a charge which the bank
// allows only with the customer present: the same invoice, or the same credit.
// Errors: NotFound for somebody else's, NoCards.
func (s *Service) ConfirmAgain(ctx context.Context, t tenants.Tenant, user, id uuid.UUID) (Visit, error) {
	var row Row
	if err := s.DB.Read(ctx, t, PaymentQ(&row, user, id)); err != nil {
		return Visit{}, err
	}
	if row.Status == Succeeded {
		return Visit{Payment: id}, nil
	}
	if row.Kind == ForInvoice {
		return s.PayInvoice(ctx, t, user, row.InvoiceNumber)
	}
	at, err := s.at(ctx, t)
	if err != nil {
		return Visit{}, err
	}
	if row.Open() && row.Method == byCheckout {
		return s.visit(ctx, t, at, row.payment)
	}
	return s.topUpVisit(ctx, t, at, payment{ID: rowOf(user, "confirm:"+id.String()), UserID: user, Kind: ForTopUp, Amount: row.Amount, Currency: row.Currency})
}

// Returned applies what came of the page that a customer comes back from. A session
// that is not theirs is NotFound, and nothing is applied.
func (s *Service) Returned(ctx context.Context, t tenants.Tenant, user uuid.UUID, checkout string) (Row, error) {
	var row Row
	err := s.DB.In(ctx, t, func(tx tenants.Tx) error {
		p, found, err := paymentOfCheckout(ctx, tx, checkout)
		if err == nil && (!found || p.UserID != user || checkout == "") {
			err = fail.Missing("payment")
		}
		row.ID = p.ID
		return err
	})
	if err != nil {
		return Row{}, err
	}
	return s.Look(ctx, t, user, row.ID)
}

// Look gives a customer's payment as it stands now. When the processor cannot be
// asked it is given as it was.
func (s *Service) Look(ctx context.Context, t tenants.Tenant, user, id uuid.UUID) (row Row, err error) {
	if err := s.DB.Read(ctx, t, PaymentQ(&row, user, id)); err != nil || !row.Open() {
		return row, err
	}
	if err := s.Refresh(ctx, t, id); err != nil && !NoCards(err) && !fail.Is(err, fail.Unavailable) {
		return row, err
	}
	return row, s.DB.Read(ctx, t, PaymentQ(&row, user, id))
}

package payments

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v85"
)

// session is a visit to the processor's page: to pay, or to save a card.
type session struct {
	ID, URL string
	Status  string // open, complete, expired
	Intent  *intent
	Card    *card
	Setup   uuid.UUID // ours, from the metadata
	Payment uuid.UUID
}

// card is a saved card as the processor has it.
type card struct {
	ID, Customer string
	Brand, Last4 string
	Month, Year  int64
}

func cardOf(pm *stripe.PaymentMethod) *card {
	if pm == nil || pm.ID == "" {
		return nil
	}
	c := &card{ID: pm.ID}
	if pm.Customer != nil {
		c.Customer = pm.Customer.ID
	}
	if pm.Card != nil {
		c.Brand, c.Last4, c.Month, c.Year = string(pm.Card.Brand), pm.Card.Last4, pm.Card.ExpMonth, pm.Card.ExpYear
	}
	return c
}

// saveCard opens a page on which a customer saves a card for charges without them.
func (p *processor) saveCard(ctx context.Context, key, customer string, metadata map[string]string, done, back string) (session, error) {
	params := &stripe.CheckoutSessionCreateParams{Mode: new(string(stripe.CheckoutSessionModeSetup)), Customer: &customer, PaymentMethodTypes: []*string{new("card")},
		SuccessURL: &done, CancelURL: &back, Metadata: metadata, SetupIntentData: &stripe.CheckoutSessionCreateSetupIntentDataParams{Metadata: metadata}}
	params.SetIdempotencyKey(key)
	return p.open(ctx, params)
}

// pay opens a page on which a customer pays.
func (p *processor) pay(ctx context.Context, of payment, done, back string) (session, error) {
	params := &stripe.CheckoutSessionCreateParams{Mode: new(string(stripe.CheckoutSessionModePayment)), Customer: &of.Customer, PaymentMethodTypes: []*string{new("card")},
		ClientReferenceID: new(of.ID.String()), SuccessURL: &done, CancelURL: &back, Metadata: of.metadata(),
		PaymentIntentData: &stripe.CheckoutSessionCreatePaymentIntentDataParams{Description: &of.Description, Metadata: of.metadata()},
		LineItems: []*stripe.CheckoutSessionCreateLineItemParams{{Quantity: new(int64(1)), PriceData: &stripe.CheckoutSessionCreateLineItemPriceDataParams{
			Currency: new(strings.ToLower(of.Currency)), UnitAmount: new(minor(of.Amount, of.Currency)),
			ProductData: &stripe.CheckoutSessionCreateLineItemPriceDataProductDataParams{Name: &of.Description}}}}}
	if of.wholesale { // the card pays the next invoices, too
		params.PaymentIntentData.SetupFutureUsage = new("off_session")
	}
	params.SetIdempotencyKey(of.IdempotencyKey)
	return p.open(ctx, params)
}

func (p *processor) open(ctx context.Context, params *stripe.CheckoutSessionCreateParams) (session, error) {
	made, err := p.api.V1CheckoutSessions.Create(ctx, params)
	if err != nil {
		return session{}, err
	}
	return session{ID: made.ID, URL: made.URL, Status: string(made.Status)}, nil
}

// session fetches a visit with what came of it.
func (p *processor) session(ctx context.Context, id string) (session, error) {
	at := p.wall()
	got, err := p.api.V1CheckoutSessions.Retrieve(ctx, id, &stripe.CheckoutSessionRetrieveParams{
		Expand: []*string{new("payment_intent"), new("setup_intent.payment_method")}})
	if err != nil {
		return session{}, err
	}
	s := session{ID: got.ID, URL: got.URL, Status: string(got.Status)}
	s.Setup, _ = uuid.Parse(got.Metadata["setup_id"])
	s.Payment, _ = uuid.Parse(got.Metadata["payment_id"])
	if got.PaymentIntent != nil && got.PaymentIntent.Status != "" {
		s.Intent = new(p.intentOf(got.PaymentIntent, at))
	}
	if got.SetupIntent != nil && got.SetupIntent.Status == stripe.SetupIntentStatusSucceeded {
		s.Card = cardOf(got.SetupIntent.PaymentMethod)
	}
	return s, nil
}

// expire closes a visit so that nobody can pay there any more. One that is over
// already is no error: whoever asks looks at it again.
func (p *processor) expire(ctx context.Context, id string) error {
	_, err := p.api.V1CheckoutSessions.Expire(ctx, id, &stripe.CheckoutSessionExpireParams{})
	if err != nil && (judge(err) == refused || judge(err) == missing) {
		return nil
	}
	return err
}
